"""Makes the cells of a study, seed by seed, and the stages that they need."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.budget_split import NO_SPLIT, Split, splits_of
from mae_bench.planning.cell import Cell
from mae_bench.planning.external import outside
from mae_bench.planning.heads import NO_HEAD, Head
from mae_bench.planning.noise_groups import noise_groups
from mae_bench.planning.outside_arms import encoder_key, folder_of, outside_arm
from mae_bench.planning.reading import (
    asked_tasks,
    fitting_floors,
    floor_tasks,
    head_files,
    read_tasks,
)
from mae_bench.planning.recipes import is_variant, recipe_of
from mae_bench.planning.stage import Key, StageBuilder
from mae_bench.seeding import evaluation_seed
from mae_bench.specs import (
    CLEAN,
    CORPUS,
    NO_POINT,
    ArmSpec,
    CorpusSpec,
    EncoderSpec,
    EvaluateSpec,
    NoiseSpec,
    Point,
    PretrainRecipe,
    Study,
    at_point,
    stage_id,
    trained_part,
)

if TYPE_CHECKING:
    from mae_bench.tasks import Task


class Planner:
    """Makes the cells of a study, and with each the stages that it needs."""

    def __init__(
        self,
        study: Study,
        arms: tuple[ResolvedArm, ...],
        heads: Mapping[str, Head],
        builder: StageBuilder,
        point: Point = NO_POINT,
    ) -> None:
        self.study = study
        self.point = point
        self.builder = builder
        self.arms = {arm.label: arm for arm in arms}
        self.heads = heads
        self.keys: dict[tuple[str, int | None, int, Split], Key] = {}
        self.pretrained: dict[str, ResolvedArm] = {}
        self.folders: dict[Key, str | None] = {}
        self.recipe = cache(lambda name: recipe_of(study, name).canonical())
        self.asked: dict[str, dict[str, Task]] = {}
        self.outside_arms: list[tuple[ArmSpec, Key]] = []

    def prepare(self) -> None:
        """Add the stages that need no seed: text, encoders from outside, tasks."""
        for tokens in self.sizes if self.study.objectives else ():
            self.builder.blocks(self._corpus(tokens))
        self.outside_arms = [
            (outside_arm(each), self._encoder(each)) for each in self.study.encoders
        ]
        for task in self.study.real_tasks if self.has_tasks else ():
            self.builder.task(task)

    def cells(self, seed: int) -> Iterator[Cell]:
        """Yield the cells of a seed, once all is prepared."""
        from mae_bench.protocols.base import PROTOCOLS

        study, groups = self.study, noise_groups(self.study.noise)
        for name, label in fitting_floors(study).items() if self.has_tasks else ():
            arm = ArmSpec(objective=name, label=label)
            for key, tokens in self._learned(name, self.sizes):
                yield from self._evaluations(arm, name, key, tokens, seed, groups)
        for tokens, split in product(self.sizes, splits_of(study)):
            for arm in study.objectives:
                key = self._pretrain(arm.label, tokens, self._pretrain_seed(seed), split)
                for protocol in study.protocols:
                    at = (arm, protocol, key, tokens, seed, groups)
                    yield from self._evaluations(*at, split)
        for arm, key in self.outside_arms:
            for protocol in study.protocols:
                if not PROTOCOLS.get(protocol).reads_corpus:  # in the tokens of the study
                    yield from self._evaluations(arm, protocol, key, None, seed, groups)

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """The sizes of the corpus."""
        return self.study.corpus_tokens or (self.study.corpus.tokens,)

    @property
    def has_tasks(self) -> bool:
        """Whether anything but rows of the corpus is read."""
        from mae_bench.protocols.base import PROTOCOLS

        return not all(PROTOCOLS.get(name).reads_corpus for name in self.study.protocols)

    def _asked(self, protocol: str) -> "dict[str, Task]":
        """Return the tasks that a protocol of the study reads."""
        if protocol not in self.asked:
            names = asked_tasks(self.study, protocol)
            self.asked[protocol] = {name: self.builder.tasks[name] for name in names}
        return self.asked[protocol]

    def _encoder(self, encoder: EncoderSpec) -> Key:
        """Add an encoder from outside."""
        key, folder = encoder_key(self.builder, encoder), folder_of(encoder)
        self.folders[key] = str(folder) if folder else None
        return key

    def _learned(
        self, floor: str, axis: tuple[int | None, ...]
    ) -> list[tuple[Key | None, int | None]]:
        """Return the corpora that a floor learns from, with their sizes; most need none."""
        from mae_bench.protocols.base import PROTOCOLS

        if not PROTOCOLS.get(floor).learns_corpus:
            return [(None, None)]
        return [(self.builder.blocks(self._corpus(tokens))[0], tokens) for tokens in axis]

    def _pretrain_seed(self, seed: int) -> int:
        return seed if self.study.repeats == "pretraining" else self.study.seeds[0]

    def _corpus(self, tokens: int | None) -> CorpusSpec:
        return self.study.corpus.model_copy(update={"tokens": tokens})

    def _pretrain(self, label: str, tokens: int | None, seed: int, split: Split) -> Key:
        """Add an arm's pretraining, after its teacher's; without a budget there is none."""
        if split.pretrain_ratio == 0 and self.arms[label].kind.is_trained:
            label = next(arm.label for arm in self.arms.values() if not arm.kind.is_trained)
        run = (label, tokens, seed, split)
        if run in self.keys:
            return self.keys[run]
        arm, study = self.arms[label], self.study
        recipe = study.pretrain
        if split.budget is not None:
            recipe = recipe.model_copy(update={"budget": split.budget})
        if arm.spec.peak_lr is not None:
            recipe = recipe.model_copy(update={"peak_lr": arm.spec.peak_lr})
        if not arm.kind.is_trained:  # nothing but the vocabulary and the seed can matter to it
            tokens, recipe = self.sizes[0], PretrainRecipe()
        teacher = arm.requires.teacher
        key: Key | None
        files: str | None
        if teacher is not None and teacher in self.arms:
            key, files = self._pretrain(teacher, tokens, seed, split), None
        else:
            key, files = outside(teacher, self.builder)
        made = self.builder.pretrain(
            study.backbone,
            arm.spec.objective,
            arm.spec.options,
            self._corpus(tokens),
            recipe,
            seed,
            self._trained_label(label, split) if arm.kind.is_trained else label,
            key,
            files,
            arm.requires.uses_ngrams,
            *outside(study.backbone.checkpoint, self.builder),
            revision=arm.kind.revision(arm.options, study.backbone),
        )
        self.keys[run] = made
        self.pretrained.setdefault(made[1], arm)
        return made

    def _trained_label(self, label: str, split: Split) -> str:
        """Return the label of an arm with what its pretraining has of the point."""
        return at_point(split.named(label), trained_part(self.point))

    def _data(self, task: str | None) -> Key:
        """Return the stage of a task; without one, of the corpus' rows of its first size.

        Validation rows are the same at every size.
        """
        if task is not None:
            return self.builder.task(task)
        first, *_ = self.sizes
        return self.builder.blocks(self._corpus(first))[0]

    def _evaluations(
        self,
        arm: ArmSpec,
        protocol: str,
        checkpoint: Key | None,
        tokens: int | None,
        seed: int,
        groups: list[tuple[NoiseSpec, dict[NoiseSpec, NoiseSpec]]],
        split: Split = NO_SPLIT,
    ) -> Iterator[Cell]:
        from mae_bench.protocols.base import PROTOCOLS

        study, method = self.study, PROTOCOLS.get(protocol)
        recipe = self.recipe(protocol)
        ids = {checkpoint[0]: checkpoint[1]} if checkpoint else {}
        pretrain, encoder = ids.get("pretrain"), ids.get("encoder")
        head = self.heads.get(arm.label, NO_HEAD)
        tasks: tuple[str | None, ...]
        if not method.needs_checkpoint:
            tasks = floor_tasks(self.builder.tasks, method)
        else:
            tasks = read_tasks(self._asked(protocol), method, head)
        sizes = study.train_sizes if method.needs_labels else ("all",)
        if method.reads_corpus:
            is_silent = method.needs_scorer and not head.names_tokens
            tasks = () if is_silent else (None,)
            sizes, groups = ("all",), noise_groups((CLEAN,))
        finetune_seeds = study.finetune_seeds if method.learns_labels else (0,)
        for finetune_seed, task in product(finetune_seeds, tasks):
            for size in sizes:
                for train_noise, tests in groups:
                    # Not validated again: a plan holds thousands, and the study is checked.
                    spec = EvaluateSpec.model_construct(
                        checkpoint=checkpoint[1] if checkpoint else None,
                        protocol=method.name,
                        recipe=recipe,
                        task=task,
                        task_data=self._data(task)[1],
                        train_size=size,
                        train_noise=train_noise,
                        test_noises=tuple(tests),
                        seed=evaluation_seed(seed, finetune_seed),
                        folder=self.folders[checkpoint] if checkpoint and encoder else None,
                        head_files=head_files(head, method, self.builder.tasks, task),
                        error_tables=self.builder.error_tables(task, (train_noise, *tests)),
                        train_flops=split.train_flops,
                    )
                    labels = f" {size} labels," if method.learns_labels else ""
                    named = split.named(arm.label)
                    named = at_point(named, self.point) if method.needs_checkpoint else named
                    what = f"{named} on {task or CORPUS}"
                    name = f"{what}, {protocol},{labels} seed {seed}"
                    if finetune_seed:
                        name += f", fine-tune seed {finetune_seed}"
                    if train_noise != CLEAN:
                        name += f", trained on {train_noise.label}"
                    label = f"evaluate {name}"
                    backbone = self.study.backbone
                    key = self.builder.evaluate(spec, method.version, label, backbone)
                    # two protocols of one study may be the same run under two names
                    variant = [protocol] if is_variant(protocol) else []
                    point = [dict(self.point)] if self.point else []
                    for noise in tests.values():
                        content = [key[1], arm.label, tokens, noise.label, *variant, *point]
                        yield Cell(
                            arm=arm,
                            is_floor=not method.needs_checkpoint,
                            corpus_tokens=None if checkpoint is None else tokens,
                            pretrain_ratio=split.pretrain_ratio,
                            task=task,
                            protocol=protocol,
                            train_size=size,
                            noise=noise,
                            seed=seed,
                            finetune_seed=finetune_seed,
                            pretrain_seed=self._pretrain_seed(seed) if pretrain else None,
                            pretrain=pretrain,
                            encoder=encoder,
                            evaluate=key[1],
                            id=stage_id("cell", 1, content),
                            point=self.point,
                        )

"""Turns a study into cells and deduplicated stages: a pure function of the study and its data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mae_bench.data.corpus import left_out, require_text
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.cell import Cell
from mae_bench.planning.check import check_study
from mae_bench.planning.external import outside
from mae_bench.planning.fitting import fitting_floors, floor_tasks, read_tasks
from mae_bench.planning.noise_groups import noise_groups
from mae_bench.planning.outside_arms import encoder_key, folder_of, outside_arm
from mae_bench.planning.reading import asked_tasks
from mae_bench.planning.recipes import is_variant, recipe_of
from mae_bench.planning.stage import Key, Stage, StageBuilder
from mae_bench.specs import (
    CLEAN,
    CORPUS,
    ArmSpec,
    CorpusSpec,
    EncoderSpec,
    EvaluateSpec,
    NoiseSpec,
    PretrainRecipe,
    Study,
    stage_id,
)

if TYPE_CHECKING:
    from mae_bench.tasks import Task

__all__ = ["Cell", "Plan", "Stage", "make_plan"]


@dataclass(frozen=True)
class Plan:
    """All that a study asks for.

    Attributes:
        study: with the implied arms and the control written out.
        arms: in order: objectives, encoders from outside, floors.
        stages: each after those that it needs.
        cells: what becomes rows.
        resolved: the arms of the study with their options parsed.
        pretrained: the arm of each pretraining, by its id.
        tasks: by name, those of files of the study's own among them.
        warnings: sentences for the user.
    """

    study: Study
    arms: tuple[ArmSpec, ...]
    stages: tuple[Stage, ...]
    cells: tuple[Cell, ...]
    resolved: tuple[ResolvedArm, ...]
    pretrained: Mapping[str, ResolvedArm]
    tasks: "Mapping[str, Task]"
    warnings: tuple[str, ...] = ()

    @cached_property
    def by_key(self) -> dict[Key, Stage]:
        """The stages by kind and id."""
        return {stage.key: stage for stage in self.stages}

    @cached_property
    def prepared(self) -> tuple[Stage, ...]:
        """The stages that may use the network."""
        return tuple(stage for stage in self.stages if stage.may_use_network)


def make_plan(
    study: Study, data_dir: Path | None, tuned: Mapping[str, dict[str, object]] | None = None
) -> Plan:
    """Return the plan of a study.

    Args:
        study: as loaded.
        data_dir: where local data is looked for; it decides fingerprints, never names.
        tuned: options by arm label that replace the study's; `PEAK_LR` among them is the peak
            rate of the arm's pretraining.

    Raises:
        DataError: a file or folder of the corpus holds no text.
        SpecError: a name or an option is unknown, or teachers form a circle.
    """
    from mae_bench.tasks.own import own_warnings, task_of

    study, arms, warnings = check_study(study, tuned or {})
    if study.objectives:
        require_text(study.corpus)
    tasks = {name: task_of(study, name) for name in study.real_tasks}
    planner = _Planner(study, arms, StageBuilder(data_dir, tasks))
    cells = tuple(planner.cells())
    stages = tuple(planner.builder.stages.values())
    floors = (ArmSpec(objective=name, label=label) for name, label in fitting_floors(study).items())
    return Plan(
        study=study,
        arms=(*study.objectives, *map(outside_arm, study.encoders), *floors),
        stages=stages,
        cells=cells,
        resolved=arms,
        pretrained=planner.pretrained,
        tasks=tasks,
        warnings=(
            *warnings,
            *own_warnings(study),
            *(left_out(study.corpus) if study.objectives else ()),
        ),
    )


class _Planner:
    def __init__(self, study: Study, arms: tuple[ResolvedArm, ...], builder: StageBuilder) -> None:
        self.study = study
        self.builder = builder
        self.arms = {arm.label: arm for arm in arms}
        self.keys: dict[tuple[str, int | None, int], Key] = {}
        self.pretrained: dict[str, ResolvedArm] = {}
        self.folders: dict[Key, str | None] = {}
        self.recipe = cache(lambda name: recipe_of(study, name).canonical())
        self.asked: dict[str, dict[str, Task]] = {}

    def cells(self) -> Iterator[Cell]:
        """Yield the cells, seed by seed, so that pairs complete early."""
        from mae_bench.protocols.base import PROTOCOLS

        study = self.study
        axis = study.corpus_tokens or (study.corpus.tokens,)
        for tokens in axis if study.objectives else ():
            self.builder.blocks(self._corpus(tokens))
        outside_arms = [(outside_arm(each), self._encoder(each)) for each in study.encoders]
        has_tasks = not all(PROTOCOLS.get(name).reads_corpus for name in study.protocols)
        for task in study.real_tasks if has_tasks else ():
            self.builder.task(task)
        groups, floors = noise_groups(study.noise), fitting_floors(study)
        for seed in study.seeds:
            for name, label in floors.items() if has_tasks else ():
                arm = ArmSpec(objective=name, label=label)
                yield from self._evaluations(arm, name, None, None, seed, groups)
            for tokens in axis:
                for arm in study.objectives:
                    key = self._pretrain(arm.label, tokens, self._pretrain_seed(seed))
                    for protocol in study.protocols:
                        yield from self._evaluations(arm, protocol, key, tokens, seed, groups)
            for arm, key in outside_arms:
                for protocol in study.protocols:
                    if not PROTOCOLS.get(protocol).reads_corpus:  # in the tokens of the study
                        yield from self._evaluations(arm, protocol, key, None, seed, groups)

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

    def _pretrain_seed(self, seed: int) -> int:
        return seed if self.study.repeats == "pretraining" else self.study.seeds[0]

    def _corpus(self, tokens: int | None) -> CorpusSpec:
        return self.study.corpus.model_copy(update={"tokens": tokens})

    def _pretrain(self, label: str, tokens: int | None, seed: int) -> Key:
        """Add an arm's pretraining, after its teacher's."""
        run = (label, tokens, seed)
        if run in self.keys:
            return self.keys[run]
        arm, study = self.arms[label], self.study
        recipe = study.pretrain
        if arm.spec.peak_lr is not None:
            recipe = recipe.model_copy(update={"peak_lr": arm.spec.peak_lr})
        if not arm.kind.is_trained:  # nothing but the vocabulary and the seed can matter to it
            tokens, recipe = (study.corpus_tokens or (tokens,))[0], PretrainRecipe()
        teacher = arm.requires.teacher
        key: Key | None
        files: str | None
        if teacher is not None and teacher in self.arms:
            key, files = self._pretrain(teacher, tokens, seed), None
        else:
            key, files = outside(teacher, self.builder)
        made = self.builder.pretrain(
            study.backbone,
            arm.spec.objective,
            arm.spec.options,
            self._corpus(tokens),
            recipe,
            seed,
            label,
            key,
            files,
            arm.requires.uses_ngrams,
            *outside(study.backbone.checkpoint, self.builder),
            revision=arm.kind.revision(arm.options, study.backbone),
        )
        self.keys[run] = made
        self.pretrained.setdefault(made[1], arm)
        return made

    def _data(self, task: str | None) -> Key:
        """Return the stage of a task; without one, of the corpus' rows of its first size.

        Validation rows are the same at every size.
        """
        if task is not None:
            return self.builder.task(task)
        first, *_ = self.study.corpus_tokens or (self.study.corpus.tokens,)
        return self.builder.blocks(self._corpus(first))[0]

    def _evaluations(
        self,
        arm: ArmSpec,
        protocol: str,
        checkpoint: Key | None,
        tokens: int | None,
        seed: int,
        groups: list[tuple[NoiseSpec, dict[NoiseSpec, NoiseSpec]]],
    ) -> Iterator[Cell]:
        from mae_bench.protocols.base import PROTOCOLS

        study, method = self.study, PROTOCOLS.get(protocol)
        recipe = self.recipe(protocol)
        ids = {checkpoint[0]: checkpoint[1]} if checkpoint else {}
        pretrain, encoder = ids.get("pretrain"), ids.get("encoder")
        tasks: tuple[str | None, ...]
        if checkpoint is None:
            tasks = floor_tasks(self.builder.tasks, method)
        else:
            tasks = read_tasks(self._asked(protocol), method, self.arms.get(arm.label))
        sizes = study.train_sizes if method.needs_labels else ("all",)
        if method.reads_corpus:
            tasks, sizes, groups = (None,), ("all",), noise_groups((CLEAN,))
        for task in tasks:
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
                        seed=seed,
                        folder=self.folders[checkpoint] if checkpoint and encoder else None,
                        error_tables=self.builder.error_tables(task, (train_noise, *tests)),
                    )
                    learns = method.needs_labels and not method.reads_corpus
                    labels = f" {size} labels," if learns else ""
                    name = f"{arm.label} on {task or CORPUS}, {protocol},{labels} seed {seed}"
                    if train_noise != CLEAN:
                        name += f", trained on {train_noise.label}"
                    label = f"evaluate {name}"
                    backbone = self.study.backbone
                    key = self.builder.evaluate(spec, method.version, label, backbone)
                    # two protocols of one study may be the same run under two names
                    variant = [protocol] if is_variant(protocol) else []
                    for noise in tests.values():
                        content = [key[1], arm.label, tokens, noise.label, *variant]
                        yield Cell(
                            arm=arm,
                            is_floor=checkpoint is None,
                            corpus_tokens=None if checkpoint is None else tokens,
                            task=task,
                            protocol=protocol,
                            train_size=size,
                            noise=noise,
                            seed=seed,
                            pretrain_seed=self._pretrain_seed(seed) if pretrain else None,
                            pretrain=pretrain,
                            encoder=encoder,
                            evaluate=key[1],
                            id=stage_id("cell", 1, content),
                        )

"""Makes stages: what is done once, under an id that is a hash of what it depends on.

A stage's id covers its content, the fingerprint of its data and the version of its kind; never the
device, the workers, the home, or anything about the other arms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mae_bench.data.adopt_tokenizer import tokenizer_digest
from mae_bench.data.encoders import parse_hub_encoder
from mae_bench.planning.plugged import (
    backbone_plugins,
    corpus_plugins,
    kind_plugin,
    metric_plugins,
    noise_plugins,
    objective_plugins,
    protocol_plugin,
)
from mae_bench.planning.stage_kinds import CHECKPOINTS, STAGE_KINDS
from mae_bench.plugins import Plugin
from mae_bench.specs import (
    BackboneSpec,
    CorpusSpec,
    EvaluateSpec,
    Frozen,
    NoiseSpec,
    PretrainRecipe,
    PretrainSpec,
    stage_id,
)
from mae_bench.user_paths import user_path

if TYPE_CHECKING:
    from mae_bench.tasks import Task

Key = tuple[str, str]  # kind and id


@dataclass(frozen=True)
class Stage:
    """One piece of work whose result is stored once and shared.

    Attributes:
        kind: a key of `STAGE_KINDS`.
        id: names the artefact.
        spec: what is to be done; a dict for tasks and for teachers of the Hub.
        needs: the stages whose artefacts it reads.
        label: for people.
        plugins: parts of other packages that it runs.
    """

    kind: str
    id: str
    spec: Frozen | dict[str, Any]
    needs: tuple[Key, ...]
    label: str
    plugins: tuple[Plugin, ...] = ()

    @property
    def key(self) -> Key:
        """Kind and id."""
        return self.kind, self.id

    @property
    def may_use_network(self) -> bool:
        """Whether its kind may fetch."""
        return STAGE_KINDS[self.kind].may_use_network

    @property
    def checkpoint(self) -> Key | None:
        """The checkpoint that it makes, or reads; None for a floor or for data."""
        if self.kind in CHECKPOINTS:
            return self.key
        return next((need for need in self.needs if need[0] in CHECKPOINTS), None)


class StageBuilder:
    """Collects stages without duplicates, each after those that it needs."""

    def __init__(self, data_dir: Path | None, tasks: "Mapping[str, Task]") -> None:
        """Start empty; ``data_dir`` is where local data is looked for, ``tasks`` are by name."""
        self.data_dir = data_dir
        self.tasks = tasks
        self.stages: dict[Key, Stage] = {}
        self._fingerprints: dict[CorpusSpec, str] = {}
        self._tasks: dict[str, Key] = {}
        self._tables: dict[tuple[str, str], Key] = {}
        self._blocks: dict[CorpusSpec, tuple[Key, Key]] = {}

    def add(
        self,
        kind: str,
        content: Any,
        spec: Frozen | dict[str, Any],
        needs: tuple[Key, ...],
        label: str,
        plugins: tuple[Plugin, ...] = (),
    ) -> Key:
        """Add a stage unless its id is there; return its key."""
        key = (kind, stage_id(kind, STAGE_KINDS[kind].version, content))
        if key not in self.stages:
            self.stages[key] = Stage(kind, key[1], spec, needs, label, plugins)
        return key

    def blocks(self, corpus: CorpusSpec) -> tuple[Key, Key]:
        """Add the tokenizer and the blocks of a corpus; return (blocks, tokenizer)."""
        if corpus not in self._blocks:
            content = {**corpus.canonical(), "data": self._fingerprint(corpus)}
            content.pop("sources", None)  # the fingerprint says what they hold
            # One tokenizer for all sizes and row lengths of a corpus, so that they compare.
            words = {k: v for k, v in content.items() if k not in ("tokens", "row_length")}
            plugins = corpus_plugins(corpus)
            name = "+".join(Path(source).name for source in corpus.sources)
            if (origin := corpus.tokenizer.origin) is not None:
                tokenizer = self._own_tokenizer(origin, corpus)
            else:
                label = f"tokenizer of {name}"
                tokenizer = self.add("tokenizer", words, corpus, (), label, plugins)
            size = "all" if corpus.tokens is None else f"{corpus.tokens:,}"
            label = f"blocks of {name}, {size} tokens"
            content["tokenizer"] = tokenizer[1]
            blocks = self.add("blocks", content, corpus, (tokenizer,), label, plugins)
            self._blocks[corpus] = (blocks, tokenizer)
        return self._blocks[corpus]

    def task(self, name: str) -> Key:
        """Add a task's splits."""
        if name not in self._tasks:
            from mae_bench.tasks import TASKS, task_fingerprint
            from mae_bench.tasks.train_task import is_transfer

            task = self.tasks[name]
            print_ = task_fingerprint(task, self.data_dir)
            content = {"task": name, "data": print_}
            plugins = kind_plugin(task)
            # a worker finds by its name what is registered; a study's own task goes with the stage
            is_registered = name in TASKS or is_transfer(name)
            spec = {"task": name} if is_registered else {**content, "definition": task}
            self._tasks[name] = self.add("task", content, spec, (), f"task {name}", plugins)
        return self._tasks[name]

    def error_tables(self, task: str | None, noises: Iterable[NoiseSpec]) -> dict[str, str]:
        """Add the tables that noises need for a task's language; return their ids by noise.

        Without a task there are none: rows of the corpus are read as they are.
        """
        from mae_bench.data.noises import noise_of, table_fingerprint

        ids: dict[str, str] = {}
        if task is None:
            return ids
        language = self.tasks[task].language
        for name in dict.fromkeys(noise.name for noise in noises):
            table = noise_of(name).table
            if table is None:
                continue
            if (name, language) not in self._tables:
                spec = {"noise": name, "language": language}
                content = {**spec, "data": table_fingerprint(table, language, self.data_dir)}
                label = f"errors of {name}, {language}"
                self._tables[name, language] = self.add("error_table", content, spec, (), label)
            ids[name] = self._tables[name, language][1]
        return ids

    def teacher(self, hub_id: str, revision: str) -> Key:
        """Add an encoder of the Hub."""
        spec = {"hub_id": hub_id, "revision": revision}
        return self.add("teacher", spec, spec, (), f"teacher {hub_id}")

    def pretrain(
        self,
        backbone: BackboneSpec,
        objective: str,
        options: Mapping[str, Any],
        corpus: CorpusSpec,
        recipe: PretrainRecipe,
        seed: int,
        label: str,
        teacher: Key | None = None,
        teacher_files: str | None = None,
        needs_ngrams: bool = False,
        encoder: Key | None = None,
        encoder_files: str | None = None,
        revision: int = 1,
    ) -> Key:
        """Add one pretraining.

        Args:
            backbone: shared by the arms.
            objective: a registered name.
            options: canonical, so that a default written out is the same run.
            corpus: to train on.
            recipe: of the study.
            seed: of all its random streams.
            label: of the arm.
            teacher: the pretraining of another arm, or an encoder of the Hub. Its id then
                stands for the option ``teacher``, for a label is only a name.
            teacher_files: digest of a teacher's folder outside the study.
            needs_ngrams: whether its masking looks at the corpus' collocations.
            encoder: an encoder of the Hub to go on from. Its id then stands for the backbone's
                ``checkpoint``, for a path is only a name.
            encoder_files: digest of the folder of an encoder to go on from.
            revision: of the objective's numbers with these options.
        """
        blocks, tokenizer = self.blocks(corpus)
        ngrams = self._ngrams(corpus) if needs_ngrams else None
        spec = PretrainSpec(
            backbone=backbone,
            objective=objective,
            options=dict(options),
            blocks=blocks[1],
            recipe=recipe,
            seed=seed,
            teacher=teacher[1] if teacher else None,
            ngrams=ngrams[1] if ngrams else None,
            encoder=encoder[1] if encoder else None,
        )
        content = spec.canonical()
        if teacher or teacher_files:
            content["options"] = _without_teacher(options)
        if teacher_files:
            content["teacher_files"] = teacher_files
        if backbone.checkpoint is not None:
            content["backbone"].pop("checkpoint")
        if encoder_files:
            content["encoder_files"] = encoder_files
        if revision > 1:
            content["revision"] = revision
        if plugins := (*backbone_plugins(backbone), *objective_plugins(objective, options)):
            content["plugins"] = {plugin.what: plugin.version for plugin in plugins}
        needs = (blocks, tokenizer, *(key for key in (teacher, ngrams, encoder) if key))
        name = f"pretrain {label}, seed {seed}"
        return self.add("pretrain", content, spec, needs, name, plugins)

    def evaluate(self, spec: EvaluateSpec, version: int, label: str, backbone: BackboneSpec) -> Key:
        """Add one evaluation; ``version`` is its protocol's, ``backbone`` its checkpoint's."""
        data = "blocks" if spec.task is None else "task"
        needs: tuple[Key, ...] = ((data, spec.task_data),)
        noises = noise_plugins(spec)
        task = None if spec.task is None else self.tasks[spec.task]
        plugins = (*noises, *protocol_plugin(spec), *kind_plugin(task), *metric_plugins(task))
        needs += tuple(("error_table", id_) for id_ in dict.fromkeys(spec.error_tables.values()))
        if (encoder := self.stages.get(("encoder", str(spec.checkpoint)))) is not None:
            needs = (encoder.key, *encoder.needs, *needs)
            plugins += encoder.plugins
        elif (corpus := self.stages.get(("blocks", str(spec.checkpoint)))) is not None:
            needs = (corpus.key, *corpus.needs, *needs)
        elif spec.checkpoint is not None:
            needs = (("pretrain", spec.checkpoint), *needs)
            plugins += backbone_plugins(backbone)  # its version is in the checkpoint's id
        content = [version, spec.canonical()]
        if noises:
            content.append({plugin.what: plugin.version for plugin in noises})
        return self.add("evaluate", content, spec, needs, label, plugins)

    def _own_tokenizer(self, origin: str, corpus: CorpusSpec) -> Key:
        """Add the tokenizer of an encoder, which no text of the corpus changes."""
        if repo_and_commit := parse_hub_encoder(origin):
            encoder = self.teacher(*repo_and_commit)
            label = f"tokenizer of {repo_and_commit[0]}"
            return self.add("tokenizer", {"from": encoder[1]}, corpus, (encoder,), label)
        folder = user_path(origin)
        label = f"tokenizer of {folder.name}"
        content = {"from_file": tokenizer_digest(folder)}
        return self.add("tokenizer", content, corpus, (), label)

    def _ngrams(self, corpus: CorpusSpec) -> Key:
        """Add the counting of a corpus' collocations."""
        blocks, tokenizer = self.blocks(corpus)
        spec = {"blocks": blocks[1]}
        return self.add("ngrams", spec, spec, (blocks, tokenizer), "collocations of the corpus")

    def _fingerprint(self, corpus: CorpusSpec) -> str:
        from mae_bench.data.corpus import corpus_fingerprint

        plain = corpus.model_copy(update={"tokens": None})
        if plain not in self._fingerprints:
            self._fingerprints[plain] = corpus_fingerprint(plain, self.data_dir)
        return self._fingerprints[plain]


def _without_teacher(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options without the name of the teacher, also where a part of them has it."""
    return {
        name: _parts_without_teacher(value) for name, value in options.items() if name != "teacher"
    }


def _parts_without_teacher(value: Any) -> Any:
    if isinstance(value, Mapping):
        is_name = {name: name == "teacher" and isinstance(value[name], str) for name in value}
        return {k: _parts_without_teacher(v) for k, v in value.items() if not is_name[k]}
    return [_parts_without_teacher(item) for item in value] if isinstance(value, list) else value

"""What `list` shows of each kind of part."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mae_bench.protocols.base import Protocol

Part = Mapping[str, object]  # what is shown of one part, by column


def parts(kind: str, data_dir: Path | None = None) -> Sequence[Part]:
    """Return one mapping for each part of a kind, all with the same keys.

    ``data_dir`` is where local data of tasks is looked for.
    """
    if kind == "tasks":
        from mae_bench.cli.task_list import task_parts

        return task_parts(data_dir)
    return _PARTS[kind]()


def table_columns(kind: str, part: Part) -> Sequence[str]:
    """Return the keys of a part that a table has room for."""
    if kind == "tasks":
        from mae_bench.cli.task_list import COLUMNS

        return COLUMNS
    return list(part)


def heading(key: str) -> str:
    """Return what a table writes above a column."""
    return "at hand" if key == "is_at_hand" else key


def cell(key: str, value: object) -> str:
    """Return what a table shows of a value of a part."""
    from mae_bench.cli.described import controls_text, options_text

    if key == "rows" and isinstance(value, dict):
        from mae_bench.cli.task_list import rows_text

        return rows_text(value)
    if isinstance(value, bool) and key == "is_at_hand":
        return "yes" if value else "no"
    as_text = {"options": options_text, "controls": controls_text}
    return as_text[key](value) if key in as_text and isinstance(value, list) else str(value)


def _objectives() -> Sequence[Part]:
    from mae_bench.cli.described import controls_of, options_of
    from mae_bench.objectives.base import OBJECTIVES

    return [
        {
            "name": name,
            "summary": part.summary,
            "options": options_of(part),
            "controls": controls_of(part),
            "source": part.source,
        }
        for name, part in OBJECTIVES
    ]


def _maskings() -> Sequence[Part]:
    from mae_bench.masking import MASKINGS, Masking

    defaults = Masking()
    return [
        {
            "name": name,
            "summary": part.summary,
            "parameters": ", ".join(
                f"{key}={getattr(defaults, key)}" for key in (*part.parameters, "short_ratio")
            ),
            "max_ratio": part.max_ratio,
            "source": part.source,
        }
        for name, part in MASKINGS
    ]


def _backbones() -> Sequence[Part]:
    from mae_bench.backbones import BACKBONES

    return [
        {
            "name": name,
            "summary": arch.summary,
            "has_attention": arch.has_attention,
            "source": arch.source,
        }
        for name, arch in BACKBONES
    ]


def _kinds() -> Sequence[Part]:
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks import KINDS, TASKS
    from mae_bench.tasks.corpus_task import corpus_tasks

    tasks = [*(task for _, task in TASKS), *corpus_tasks()]
    return [
        {
            "name": name,
            "summary": _first_line(kind),
            "texts": " or ".join(map(str, kind.allowed_texts or (kind.num_texts,))),
            "protocols": ", ".join(
                protocol
                for protocol, part in PROTOCOLS
                if part.fits(name) and not part.reads_corpus
            ),
            "tasks": sum(task.kind == name for task in tasks),
        }
        for name, kind in KINDS
    ]


def _executors() -> Sequence[Part]:
    from mae_bench.runner.executors import EXECUTORS

    return [{"name": name, "summary": _first_line(part)} for name, part in EXECUTORS]


def _first_line(part: object) -> str:
    """Return the first line of a part's docstring."""
    return (part.__doc__ or "").strip().partition("\n")[0]


def _corpora() -> Sequence[Part]:
    from mae_bench.data.corpus import CORPORA

    return [
        {
            "name": name,
            "source": (corpus.source.hub_id or "local") if corpus.source else "generated",
            "licence": corpus.licence,
            "note": corpus.note,
        }
        for name, corpus in CORPORA
    ]


def _protocols() -> Sequence[Part]:
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks import KINDS

    def kinds(protocol: "Protocol") -> str:
        if protocol.reads_corpus:
            return "reads the corpus"
        return ", ".join(name for name in KINDS.names() if protocol.fits(name))

    return [
        {
            "name": name,
            "version": protocol.version,
            "is_floor": not protocol.needs_checkpoint,
            "kinds": kinds(protocol),
            "recipe": ", ".join(protocol.recipe.model_fields),
        }
        for name, protocol in PROTOCOLS
    ]


def _metrics() -> Sequence[Part]:
    from mae_bench.measures import MEASURES

    return [
        {"name": name, "better": measure.better, "unit": measure.unit, "digits": measure.digits}
        for name, measure in MEASURES
    ]


def _noises() -> Sequence[Part]:
    from mae_bench.data.noises import NOISES, noise_of

    return [
        {
            "name": name,
            "unit": noise.unit,
            "keeps_words": noise.keeps_words,
            "data": ", ".join(noise.table.folders) if noise.table else "",
            "summary": noise.summary,
        }
        for name in NOISES.names()
        for noise in [noise_of(name)]
    ]


def _suites() -> Sequence[Part]:
    from mae_bench.errors import SpecError
    from mae_bench.planning.packaged import suites
    from mae_bench.planning.study import load_study

    studies = []
    for name, path in suites().items():
        try:
            summary = " ".join(load_study(path).description.split())
        except SpecError as error:
            summary = f"(not readable: {error})"
        studies.append({"name": name, "description": summary, "path": str(path)})
    return studies


def _papers() -> Sequence[Part]:
    from mae_bench.planning.packaged import reproductions
    from mae_bench.planning.study import read_raw

    return [
        {
            "name": name,
            "description": " ".join(str(read_raw(path, (), None)["description"]).split()),
            "path": str(path),
        }
        for name, path in reproductions().items()
    ]


def _study() -> Sequence[Part]:
    from mae_bench.sentences import study_keys
    from mae_bench.specs import Study

    scales = {
        "name": "scales.NAME",
        "allowed": "a mapping of any of the keys above",
        "default": "{}",
        "meaning": "values that `--scale NAME` merges over the study.",
    }
    return [*study_keys(Study), scales]


_PARTS = {
    "objectives": _objectives,
    "maskings": _maskings,
    "backbones": _backbones,
    "kinds": _kinds,
    "corpora": _corpora,
    "protocols": _protocols,
    "metrics": _metrics,
    "noises": _noises,
    "executors": _executors,
    "suites": _suites,
    "papers": _papers,
    "study": _study,
}

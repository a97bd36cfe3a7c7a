"""What `list` shows of each kind of part."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mae_bench.protocols.base import Protocol

Part = Mapping[str, object]  # what is shown of one part, by column


def parts(kind: str) -> Sequence[Part]:
    """Return one mapping for each part of a kind, all with the same keys."""
    return _PARTS[kind]()


def cell(key: str, value: object) -> str:
    """Return what a table shows of a value of a part."""
    from mae_bench.cli.described import controls_text, options_text

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


def _tasks() -> Sequence[Part]:
    from mae_bench.tasks import TASKS, kind_of

    return [
        {
            "name": name,
            "kind": task.kind,
            "labels": kind_of(task).described,
            "metrics": ", ".join(task.metrics),
            "source": task.source.hub_id if task.source else "generated",
            "licence": task.licence,
        }
        for name, task in TASKS
    ]


def _kinds() -> Sequence[Part]:
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks import KINDS, TASKS

    return [
        {
            "name": name,
            "summary": _first_line(kind),
            "texts": kind.num_texts,
            "protocols": ", ".join(
                protocol
                for protocol, part in PROTOCOLS
                if part.fits(name) and not part.reads_corpus
            ),
            "tasks": sum(task.kind == name for _, task in TASKS),
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
    from mae_bench.data.noise import NOISES

    return [{"name": name, "summary": _first_line(noise)} for name, noise in NOISES]


def _suites() -> Sequence[Part]:
    from mae_bench.errors import SpecError
    from mae_bench.planning.study import load_study, suites

    studies = []
    for name, path in suites().items():
        try:
            summary = " ".join(load_study(path).description.split())
        except SpecError as error:
            summary = f"(not readable: {error})"
        studies.append({"name": name, "description": summary, "path": str(path)})
    return studies


def _papers() -> Sequence[Part]:
    from mae_bench.planning.study import papers, read_raw

    return [
        {
            "name": name,
            "description": " ".join(str(read_raw(path, (), None)["description"]).split()),
            "path": str(path),
        }
        for name, path in papers().items()
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
    "tasks": _tasks,
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

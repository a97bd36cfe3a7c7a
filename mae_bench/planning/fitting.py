"""Checks that tasks are of their kind, and that protocols can read tasks of that kind."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mae_bench.errors import SpecError
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.heads import Head, heads_of
from mae_bench.planning.shorthand import FLOORS
from mae_bench.specs import CORPUS, Study, TrainSize, per_class

if TYPE_CHECKING:
    from mae_bench.protocols.base import Protocol
    from mae_bench.tasks import Task


def check_kinds(study: Study) -> None:
    """Refuse tasks whose definition does not fit their kind, and protocols that do not fit it.

    Floors are asked for by nobody; a plan leaves out those that do not fit.

    Raises:
        SpecError: the first of them; of a protocol it names those that fit.
    """
    from mae_bench.tasks import kind_of
    from mae_bench.tasks.own import task_of

    tuning = study.tuning
    tuned = (tuning.tasks or study.tasks) if tuning else ()
    _check_sizes("train_sizes", study.train_sizes, study, study.tasks)
    if tuning:
        _check_sizes("tuning.train_size", (tuning.train_size,), study, tuned)
    for name in dict.fromkeys([*study.tasks, *tuned]):
        if name != CORPUS:
            kind_of(task_of(study, name)).check()
    _check_protocols("protocols", study.protocols, study, study.tasks)
    if tuning:
        for name in tuned:
            if name != CORPUS and task_of(study, name).is_test_only:
                raise SpecError(
                    f"tuning.tasks: '{name}' has a test and nothing to choose on; name tasks that "
                    "have a selection part",
                    name,
                )
        _check_protocols("tuning.protocol", (tuning.protocol,), study, tuned)


def check_scorers(study: Study, arms: Iterable[ResolvedArm]) -> list[str]:
    """Return a sentence for each protocol that has no result for some of the arms.

    Raises:
        SpecError: it has none for any.
    """
    from mae_bench.protocols.base import PROTOCOLS

    sentences = []
    for name in study.protocols:
        if not PROTOCOLS.get(name).needs_scorer:
            continue
        heads = heads_of(study, arms)
        silent = [
            label + (f" ({head.why_not})" if head.why_not else "")
            for label, head in heads.items()
            if not head.names_tokens
        ]
        what = f"'{name}' asks an arm's own objective, or an encoder's own head, for tokens"
        if len(silent) == len(heads):
            raise SpecError(
                f"protocols: {what}, and no arm can say ({', '.join(silent)}); add one that "
                "predicts tokens, such as mlm, mae or causal, or an encoder that was saved with "
                "its head (...ForMaskedLM, ...ForCausalLM), or name another protocol",
                name,
            )
        if silent:
            sentences.append(f"protocol {what}; without a result: {', '.join(silent)}")
    return sentences


def can_floor_read(name: str, task: "Task") -> bool:
    """Whether a floor is run on a task: the cosine of TF-IDF where TF-IDF cannot be trained."""
    from mae_bench.protocols.base import PROTOCOLS

    if name == "tfidf_cosine" and PROTOCOLS.get("tfidf").can_read(task):
        return False
    return PROTOCOLS.get(name).can_read(task)


def floor_tasks(tasks: "Mapping[str, Task]", protocol: "Protocol") -> tuple[str, ...]:
    """Return the tasks on which a floor is run."""
    return tuple(name for name, task in tasks.items() if can_floor_read(protocol.name, task))


def read_tasks(tasks: "Mapping[str, Task]", protocol: "Protocol", head: Head) -> tuple[str, ...]:
    """Return the tasks on which a study's protocol evaluates an arm, all of which it can read.

    Where a protocol asks for tokens these are none for arms that cannot say.
    """
    if protocol.needs_scorer and not head.names_tokens:
        return ()
    return tuple(
        name
        for name, task in tasks.items()
        if head.fills_gaps or not protocol.needs_token_head(task.kind)
    )


def head_files(
    head: Head, protocol: "Protocol", tasks: "Mapping[str, Task]", task: str | None
) -> str | None:
    """Return what identifies the head that an evaluation asks, where it lies in its own file."""
    if head.files is None or task is None:
        return None
    asks = protocol.needs_scorer or protocol.needs_token_head(tasks[task].kind)
    return head.files if asks else None


def fitting_floors(study: Study) -> dict[str, str]:
    """Return the floors that can read a task of a study: protocol -> label of its arm."""
    from mae_bench.tasks.own import task_of

    tasks = [task_of(study, task) for task in study.real_tasks]
    return {
        name: label
        for name, label in FLOORS.items()
        if any(can_floor_read(name, task) for task in tasks)
    }


def _check_sizes(
    where: str, sizes: Iterable[TrainSize], study: Study, tasks: Iterable[str]
) -> None:
    """Refuse a number of each class where a task's kind has no classes."""
    from mae_bench.tasks import kind_of
    from mae_bench.tasks.kinds.base import TaskKind
    from mae_bench.tasks.own import task_of

    of_classes = [size for size in sizes if per_class(size) is not None]
    for task in tasks if of_classes else ():
        if task == CORPUS:
            continue
        kind = kind_of(task_of(study, task))
        if type(kind).groups is TaskKind.groups:  # it tells no classes of its examples
            raise SpecError(
                f"{where}: '{of_classes[0]}' asks for examples of each class, but task '{task}' is "
                f"of kind '{kind.task.kind}', whose examples have no class each; give a count, a "
                "share below 1, or 'all'",
                str(of_classes[0]),
            )


def _check_protocols(
    where: str, protocols: Iterable[str], study: Study, tasks: Iterable[str]
) -> None:
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks import KINDS
    from mae_bench.tasks.own import task_of

    for name in protocols:
        protocol = PROTOCOLS.get(name)
        for task in tasks:
            if task == CORPUS or protocol.reads_corpus:
                continue
            definition = task_of(study, task)
            kind = definition.kind
            if protocol.can_read(definition):
                continue
            if protocol.fits(kind):
                reading = [
                    other
                    for other, part in PROTOCOLS
                    if part.needs_checkpoint and part.can_read(definition)
                ]
                raise SpecError(
                    f"{where}: '{name}' cannot read task '{task}', which has a test and nothing to "
                    f"learn from or choose on; it is read by {', '.join(reading) or 'no protocol'}",
                    name,
                )
            read = [each for each in KINDS.names() if protocol.fits(each)]
            fitting = [
                other
                for other, part in PROTOCOLS
                if part.needs_checkpoint and not part.reads_corpus and part.fits(kind)
            ]
            raise SpecError(
                f"{where}: '{name}' cannot read task '{task}', which is of kind '{kind}'; it reads "
                f"kinds {', '.join(read) or 'of no task here'}, and kind '{kind}' is read by "
                f"{', '.join(fitting) or 'no protocol'}; every protocol of a study reads all of "
                "its tasks: name another protocol, or put the task into a study of its own",
                name,
            )

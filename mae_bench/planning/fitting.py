"""Checks that tasks are of their kind, and that protocols can read tasks of that kind."""

from collections.abc import Iterable

from mae_bench.errors import SpecError
from mae_bench.planning.shorthand import FLOORS
from mae_bench.specs import CORPUS, Study, TrainSize, per_class


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
        _check_protocols("tuning.protocol", (tuning.protocol,), study, tuned)


def fitting_floors(study: Study) -> dict[str, str]:
    """Return the floors that can read a task of a study: protocol -> label of its arm."""
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.own import task_of

    kinds = {task_of(study, task).kind for task in study.real_tasks}
    return {
        name: label
        for name, label in FLOORS.items()
        if any(PROTOCOLS.get(name).fits(kind) for kind in kinds)
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
            kind = task_of(study, task).kind
            if protocol.fits(kind):
                continue
            read = [each for each in KINDS.names() if protocol.fits(each)]
            fitting = [
                other
                for other, part in PROTOCOLS
                if part.needs_checkpoint and not part.reads_corpus and part.fits(kind)
            ]
            raise SpecError(
                f"{where}: '{name}' cannot read task '{task}', which is of kind '{kind}'; it reads "
                f"kinds {', '.join(read) or 'of no task here'}, and kind '{kind}' is read by "
                f"{', '.join(fitting) or 'no protocol'}; name another protocol, or put the task "
                "into a study of its own",
                name,
            )

"""Checks that tasks are of their kind, and that protocols can read tasks of that kind."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn

from mae_bench.errors import SpecError
from mae_bench.planning.heads import Head
from mae_bench.planning.reading import asked_tasks, tuned_tasks, unread_sentences
from mae_bench.specs import CORPUS, Study, TrainSize, per_class

if TYPE_CHECKING:
    from mae_bench.tasks import Task


def check_kinds(study: Study) -> list[str]:
    """Refuse tasks that do not fit their kind, and tasks and protocols that nothing fits.

    A plan leaves out the pairs of a protocol and a task that do not fit, and floors likewise.

    Returns:
        A sentence for each protocol that leaves tasks out.

    Raises:
        SpecError: the first of them; of a task it names the protocols that fit.
    """
    from mae_bench.tasks import kind_of
    from mae_bench.tasks.own import task_of

    tuning = study.tuning
    _check_sizes("train_sizes", study.train_sizes, study, study.tasks)
    for name in (*study.real_tasks, *(tuning.tasks if tuning else ())):
        kind_of(task_of(study, name)).check()
    _check_protocols(study)
    if tuning:
        tuned = tuned_tasks(study) or study.real_tasks
        _check_sizes("tuning.train_size", (tuning.train_size,), study, tuned)
        for name in tuned:
            if task_of(study, name).is_test_only:
                raise SpecError(
                    f"tuning.tasks: '{name}' has a test and nothing to choose on; name tasks that "
                    "have a selection part",
                    name,
                )
            if name not in asked_tasks(study.model_copy(update={"tasks": tuned}), tuning.protocol):
                _refuse_pair("tuning.protocol", tuning.protocol, task_of(study, name))
    return unread_sentences(study)


def check_scorers(study: Study, heads: Mapping[str, Head]) -> list[str]:
    """Return a sentence for each protocol that has no result for some of the arms.

    Args:
        study: to be checked.
        heads: of its arms and encoders, by label.

    Raises:
        SpecError: it has none for any.
    """
    from mae_bench.protocols.base import PROTOCOLS

    sentences = []
    for name in study.protocols:
        if not PROTOCOLS.get(name).needs_scorer:
            continue
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


def _check_protocols(study: Study) -> None:
    """Refuse a task that no protocol of the study reads, and a protocol that reads no task."""
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.own import task_of

    protocols = [name for name in study.protocols if not PROTOCOLS.get(name).reads_corpus]
    read = {name: asked_tasks(study, name) for name in protocols}
    for name in protocols:
        if not read[name] and study.real_tasks:
            _refuse_pair("protocols", name, task_of(study, study.real_tasks[0]))
    for task in study.real_tasks:
        if protocols and not any(task in tasks for tasks in read.values()):
            _refuse_pair("protocols", protocols[0], task_of(study, task))


def _refuse_pair(where: str, name: str, task: "Task") -> NoReturn:
    """Raise SpecError on a protocol that cannot read a task; it names those that can."""
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks import KINDS

    protocol = PROTOCOLS.get(name)
    others = [
        other
        for other, part in PROTOCOLS
        if part.needs_checkpoint and not part.reads_corpus and part.can_read(task)
    ]
    readers = ", ".join(others) or "no protocol"
    if protocol.fits(task.kind):
        raise SpecError(
            f"{where}: '{name}' cannot read task '{task.name}', which has a test and nothing to "
            f"learn from or choose on; it is read by {readers}",
            name,
        )
    kinds = [each for each in KINDS.names() if protocol.fits(each)]
    raise SpecError(
        f"{where}: '{name}' cannot read task '{task.name}', which is of kind '{task.kind}'; it "
        f"reads kinds {', '.join(kinds) or 'of no task here'}, and task '{task.name}' is read by "
        f"{readers}; name another protocol beside it, or leave the task out",
        name,
    )

"""Checks the names of a study's ``tuning`` section: what evaluates a trial, and on which tasks."""

from mae_bench.errors import SpecError, UnknownNameError
from mae_bench.specs import CORPUS, TuningSpec


def check_tuning(tuning: TuningSpec) -> None:
    """Refuse what cannot choose among trials.

    Raises:
        SpecError: the first such name, with its path in the study.
    """
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.base import TASKS

    where = ("tuning", "protocol")
    try:
        protocol = PROTOCOLS.get(tuning.protocol)
    except UnknownNameError as error:
        raise UnknownNameError(f"tuning.protocol: {error}", error.got, where) from None
    advice = "name finetune or linear_probe"
    if not protocol.needs_checkpoint:
        raise SpecError(
            f"tuning.protocol must evaluate the arms' checkpoints, got '{tuning.protocol}', a "
            f"floor without an encoder, which gives every trial the same value; {advice}",
            tuning.protocol,
            where,
        )
    if protocol.reads_corpus:
        raise SpecError(
            f"tuning.protocol must choose on a task, got '{tuning.protocol}', which reads "
            f"rows of the corpus; {advice}",
            tuning.protocol,
            where,
        )
    for number, task in enumerate(tuning.tasks):
        if task == CORPUS:
            raise SpecError(
                f"tuning.tasks must name labelled tasks, got '{CORPUS}', which stands for rows of "
                "the corpus; leave it out",
                task,
                ("tuning", "tasks", number),
            )
        try:
            TASKS.get(task)
        except UnknownNameError as error:
            path = ("tuning", "tasks", number)
            raise UnknownNameError(f"tuning.tasks: {error}", error.got, path) from None

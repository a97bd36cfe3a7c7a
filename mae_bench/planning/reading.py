"""Which tasks of a study each of its protocols reads; the other pairs are left out, and said so."""

from mae_bench.planning.recipes import recipe_of
from mae_bench.specs import Study, ZeroShotRecipe


def asked_tasks(study: Study, protocol: str) -> tuple[str, ...]:
    """Return the tasks of a study that a protocol can read; all, where it reads the corpus.

    Where it needs a prompt and some tasks have one, or need none, those without are not among them.
    """
    from mae_bench.protocols.base import PROTOCOLS

    if PROTOCOLS.get(protocol).reads_corpus:
        return study.real_tasks
    read = _read_tasks(study, protocol)
    lacking = unprompted_tasks(study, protocol)
    return tuple(name for name in read if name not in lacking) or read


def unprompted_tasks(study: Study, protocol: str) -> tuple[str, ...]:
    """Return the tasks that a protocol could read by a prompt, and that have none."""
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.protocols.prompts import CLOZES
    from mae_bench.tasks.own import task_of

    part = PROTOCOLS.get(protocol)
    if part.token_kinds is None:
        return ()
    recipe = recipe_of(study, protocol)
    given = recipe.clozes if isinstance(recipe, ZeroShotRecipe) else {}
    return tuple(
        name
        for name in _read_tasks(study, protocol)
        if part.needs_token_head(task_of(study, name).kind)
        and name not in given
        and name not in CLOZES
    )


def averaged_tasks(study: Study, protocol: str | None) -> tuple[str, ...]:
    """Return the tasks whose mean a claim takes: those of its protocol, or without one all."""
    if protocol is None or protocol not in study.protocols:
        return study.real_tasks
    return asked_tasks(study, protocol)


def tuned_tasks(study: Study) -> tuple[str, ...]:
    """Return the tasks on which trials are chosen: those named, or all that their protocol reads.

    Of a study that is not tuned these are none.
    """
    if study.tuning is None:
        return ()
    return study.tuning.tasks or asked_tasks(study, study.tuning.protocol)


def unread_pairs(study: Study) -> frozenset[tuple[str, str]]:
    """Return the pairs of a protocol and a task that a study does not ask for."""
    return frozenset(
        (protocol, task)
        for protocol in study.protocols
        for task in set(study.real_tasks) - set(asked_tasks(study, protocol))
    )


def unread_sentences(study: Study) -> list[str]:
    """Return a sentence for each protocol that leaves tasks of a study out."""
    sentences = []
    for protocol in study.protocols:
        asked = asked_tasks(study, protocol)
        left = [name for name in study.real_tasks if name not in asked]
        lacking = [name for name in unprompted_tasks(study, protocol) if name in left]
        unread = [name for name in left if name not in lacking]
        named = []
        if len(unread) > len(asked):
            named = [f"{len(unread)} tasks that it cannot read, and reads {', '.join(asked)}"]
        elif unread:
            named = [f"{', '.join(unread)}, which it cannot read"]
        if lacking:
            why = f"which have no prompt (write one under recipes.{protocol}.clozes)"
            named.append(f"{', '.join(lacking)}, {why}")
        if named:
            sentences.append(
                f"protocol '{protocol}' leaves out {'; and '.join(named)}: its means over tasks "
                "are over those that it reads"
            )
    return sentences


def _read_tasks(study: Study, protocol: str) -> tuple[str, ...]:
    """Return the tasks whose kind a protocol fits, and in which it finds what it learns from."""
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.own import task_of

    part = PROTOCOLS.get(protocol)
    return tuple(name for name in study.real_tasks if part.can_read(task_of(study, name)))

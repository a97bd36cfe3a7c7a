"""Who reads what: the tasks of a study's protocols and floors, and the heads that they ask.

The other pairs are left out, and said so.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mae_bench.planning.arm_items import FLOORS
from mae_bench.planning.heads import Head
from mae_bench.planning.recipes import recipe_of
from mae_bench.specs import Study, ZeroShotRecipe

if TYPE_CHECKING:
    from mae_bench.protocols.base import Protocol
    from mae_bench.tasks import Task


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


def read_tasks(tasks: "Mapping[str, Task]", protocol: "Protocol", head: Head) -> tuple[str, ...]:
    """Return the tasks on which a study's protocol evaluates an arm, of those asked of it.

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
    return head.files if protocol.asks_head(tasks[task].kind) else None


def floor_tasks(tasks: "Mapping[str, Task]", protocol: "Protocol") -> tuple[str, ...]:
    """Return the tasks on which a floor is run."""
    return tuple(name for name, task in tasks.items() if _can_floor_read(protocol.name, task))


def fitting_floors(study: Study) -> dict[str, str]:
    """Return the floors that can read a task of a study: protocol -> label of its arm.

    Without a pretraining there is no corpus to learn from.
    """
    from mae_bench.protocols.base import PROTOCOLS

    return {
        name: label
        for name, label in _reading_floors(study).items()
        if study.objectives or not PROTOCOLS.get(name).learns_corpus
    }


def left_out_floors(study: Study) -> list[str]:
    """Return a sentence where floors have no corpus to learn from."""
    fitting = fitting_floors(study)
    labels = [label for name, label in _reading_floors(study).items() if name not in fitting]
    if not labels:
        return []
    return [
        f"the floors {', '.join(labels)} are left out: they learn from the corpus of a "
        "pretraining, and this study has none"
    ]


def _reading_floors(study: Study) -> dict[str, str]:
    """Return the floors that can read a task of a study, whether or not it has a corpus."""
    from mae_bench.tasks.own import task_of

    tasks = [task_of(study, task) for task in study.real_tasks]
    return {
        name: label
        for name, label in FLOORS.items()
        if any(_can_floor_read(name, task) for task in tasks)
    }


def _can_floor_read(name: str, task: "Task") -> bool:
    """Whether a floor is run on a task: the cosine of TF-IDF where TF-IDF cannot be trained."""
    from mae_bench.protocols.base import PROTOCOLS

    if name == "tfidf_cosine" and PROTOCOLS.get("tfidf").can_read(task):
        return False
    return PROTOCOLS.get(name).can_read(task)


def _read_tasks(study: Study, protocol: str) -> tuple[str, ...]:
    """Return the tasks whose kind a protocol fits, and in which it finds what it learns from."""
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.tasks.own import task_of

    part = PROTOCOLS.get(protocol)
    return tuple(name for name in study.real_tasks if part.can_read(task_of(study, name)))

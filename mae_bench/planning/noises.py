"""Checks that a study's noises do something to its tasks."""

from typing import TYPE_CHECKING

from mae_bench.errors import SpecError
from mae_bench.specs import CLEAN, NoiseSpec, Study

if TYPE_CHECKING:
    from mae_bench.tasks import Task


def check_noises(study: Study) -> None:
    """Refuse noises without a rate, and those that would leave a task as it is.

    Raises:
        UnknownNameError: nobody registered a noise of that name.
        SpecError: the first noise that fits a task or the rates not; with those that would.
    """
    from mae_bench.data.noises import noise_of
    from mae_bench.tasks.own import task_of

    for noise in study.noise:
        is_of_labels = noise_of(noise.name).is_of_labels
        if noise.name != CLEAN.name and noise.rate == 0:
            raise SpecError(
                f"noise '{noise.name}' must have a rate above 0, got 0, which leaves the text "
                f"another name; write {noise.name}: {{rate: 0.1}}"
            )
        if is_of_labels and noise.where != "train":
            raise SpecError(
                f"noise '{noise.name}' changes what is learned from, never what is tested on, got "
                f"where: {noise.where}; write {noise.name}: {{rate: {noise.rate:g}, where: train}}"
            )
        for name in study.real_tasks:
            task = task_of(study, name)
            if is_of_labels:
                _check_classes(noise, task)
            else:
                _check_words(noise, task)
                _check_language(noise, task)
                _check_one_language(noise, task)


def _check_words(noise: NoiseSpec, task: "Task") -> None:
    from mae_bench.data.noises import noise_of
    from mae_bench.tasks import kind_of

    if kind_of(task).has_words and not noise_of(noise.name).keeps_words:
        raise SpecError(
            f"noise: '{noise.name}' drops or moves words, and each word of task '{task.name}' has "
            "its own label; leave that noise out, or put the task into a study of its own",
            noise.name,
        )


def _check_language(noise: NoiseSpec, task: "Task") -> None:
    from mae_bench.data.noises import NOISES, noise_of

    language = task.language
    if why := noise_of(noise.name).refusal(language):
        fitting = [
            name
            for name in NOISES.names()
            if name != CLEAN.name
            and not noise_of(name).refusal(language)
            and not noise_of(name).is_of_labels
        ]
        raise SpecError(
            f"noise '{noise.name}' would leave the texts of task '{task.name}' ({language}) as "
            f"they are: {why}; noises for that language: {', '.join(fitting)}. Name one of these, "
            "or put the task into a study of its own",
            noise.name,
        )


def _check_one_language(noise: NoiseSpec, task: "Task") -> None:
    """Refuse noise of training where that is in another language, whose errors would be others."""
    from mae_bench.tasks import TASKS

    trained = TASKS.get(task.train_task).language if task.train_task else task.language
    if noise.name != CLEAN.name and noise.where != "test" and trained != task.language:
        raise SpecError(
            f"noise '{noise.name}' with where: {noise.where} acts as in the language of the test "
            f"({task.language}), but task '{task.name}' trains on texts in '{trained}'; write "
            "where: test, or put the task into a study of its own",
            noise.name,
        )


def _check_classes(noise: NoiseSpec, task: "Task") -> None:
    from mae_bench.tasks.kinds.base import KINDS
    from mae_bench.tasks.mislabel import ClassKind

    kind = task.kind
    if issubclass(KINDS.get(kind), ClassKind):
        return
    fitting = [name for name in KINDS.names() if issubclass(KINDS.get(name), ClassKind)]
    raise SpecError(
        f"noise '{noise.name}' gives examples another class, but task '{task.name}' is of kind "
        f"'{kind}', whose examples have no class each; it acts on kinds {', '.join(fitting)}. "
        "Leave the noise out, or put the task into a study of its own",
        noise.name,
    )

"""Checks that a study's noises do something to its tasks."""

from mae_bench.errors import SpecError
from mae_bench.specs import CLEAN, NoiseSpec, Study


def check_noises(study: Study) -> None:
    """Refuse noises without a rate, and those that would leave a task as it is.

    Raises:
        UnknownNameError: nobody registered a noise of that name.
        SpecError: the first noise that fits a task or the rates not; with those that would.
    """
    from mae_bench.data.noises import noise_of

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
        for task in study.real_tasks:
            if is_of_labels:
                _check_classes(noise, task)
            else:
                _check_language(noise, task)


def _check_language(noise: NoiseSpec, task: str) -> None:
    from mae_bench.data.noises import NOISES, noise_of
    from mae_bench.tasks.base import TASKS

    language = TASKS.get(task).language
    if why := noise_of(noise.name).refusal(language):
        fitting = [
            name
            for name in NOISES.names()
            if name != CLEAN.name
            and not noise_of(name).refusal(language)
            and not noise_of(name).is_of_labels
        ]
        raise SpecError(
            f"noise '{noise.name}' would leave the texts of task '{task}' ({language}) as they "
            f"are: {why}; noises for that language: {', '.join(fitting)}. Name one of these, or "
            "put the task into a study of its own",
            noise.name,
        )


def _check_classes(noise: NoiseSpec, task: str) -> None:
    from mae_bench.tasks.base import TASKS
    from mae_bench.tasks.kinds.base import KINDS
    from mae_bench.tasks.kinds.mislabel import ClassKind

    kind = TASKS.get(task).kind
    if issubclass(KINDS.get(kind), ClassKind):
        return
    fitting = [name for name in KINDS.names() if issubclass(KINDS.get(name), ClassKind)]
    raise SpecError(
        f"noise '{noise.name}' gives examples another class, but task '{task}' is of kind "
        f"'{kind}', whose examples have no class each; it acts on kinds {', '.join(fitting)}. "
        "Leave the noise out, or put the task into a study of its own",
        noise.name,
    )

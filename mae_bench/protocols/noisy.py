"""Examples under a noise: their texts before any tokenising, or their labels."""

from dataclasses import replace

from mae_bench.data.noise import apply_noise, noise_of
from mae_bench.errors import DataError
from mae_bench.specs import NoiseSpec
from mae_bench.tasks.base import Examples, TaskData
from mae_bench.tasks.kinds.base import kind_of
from mae_bench.tasks.mislabel import mislabel


def noisy(
    examples: Examples, noise: NoiseSpec, data: TaskData, *, split: str, seed: int
) -> Examples:
    """Return examples of a task under a noise.

    Raises:
        DataError: the noise does nothing to these texts, at whatever rate.
        SpecError: it is of labels, and the task's kind has no classes.
    """
    if noise_of(noise.name).is_of_labels:
        return mislabel(examples, noise.rate, task=data.task, split=split, seed=seed)
    changed = _changed(examples, noise, data, split, seed)
    if noise.rate == 0 or changed.texts != examples.texts:
        return changed
    # By chance a low rate may hit no unit of a few short texts; at rate 1 nothing is chance.
    whole = noise.model_copy(update={"rate": 1.0})
    if _changed(examples, whole, data, split, seed).texts == examples.texts:
        raise DataError(
            f"noise '{noise.name}' changes none of the {len(examples)} texts of the {split} split "
            f"of task '{data.task.name}' ({data.task.language}), at any rate: they hold nothing "
            "that it acts on; choose another noise for this task"
        )
    return changed


def _changed(
    examples: Examples, noise: NoiseSpec, data: TaskData, split: str, seed: int
) -> Examples:
    task = data.task.name if split == "test" else data.task.trained_as
    kind = kind_of(data.task)
    texts = []
    for index, column in enumerate(examples.texts[: kind.num_noisy]):
        # another id for the second text of a pair, or both would get the same draws
        ids = examples.ids if index == 0 else [f"{name}#{index}" for name in examples.ids]
        texts.append(
            apply_noise(
                noise,
                column,
                ids,
                task=task,
                split=split,
                seed=seed,
                is_by_word=kind.has_words,
                language=data.task.language,
                table=data.error_tables.get(noise.name),
            )
        )
    clean = examples.texts[len(texts) :]
    return replace(examples, texts=(*texts, *clean))

"""Groups the noises of a study by what they do to training texts."""

from typing import Literal

from mae_bench.specs import CLEAN, NoiseSpec


def noise_groups(
    noises: tuple[NoiseSpec, ...],
) -> list[tuple[NoiseSpec, dict[NoiseSpec, NoiseSpec]]]:
    """Group noises by what they do to training texts, so that one training serves several.

    Returns:
        Pairs of the training noise, and a mapping from each noise of the test split to the
        noise of the study that asks for it.
    """
    groups: dict[NoiseSpec, dict[NoiseSpec, NoiseSpec]] = {}
    for noise in noises:
        train = CLEAN if noise.where == "test" else noise_on(noise, "train")
        groups.setdefault(train, {})[noise_on(noise, "test")] = noise
    return list(groups.items())


def noise_on(noise: NoiseSpec, split: Literal["train", "test"]) -> NoiseSpec:
    """Return the noise on one split: the same, or `CLEAN` where it leaves that split alone."""
    is_there = noise.where in (split, "both") and noise.name != "clean"
    return noise.model_copy(update={"where": split}) if is_there else CLEAN

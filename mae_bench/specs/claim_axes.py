"""The values along which a claim is monotone or has a crossing, as its study asks for them."""

from mae_bench.specs.claims import AxisValue, Claim
from mae_bench.specs.evaluation import CLEAN, NoiseSpec
from mae_bench.specs.study import Study


def is_noise(noise: NoiseSpec, named: str | None) -> bool:
    """Whether a noise is the one that a claim names by name, name and place, or whole label."""
    return named in (None, noise.name, noise.label, f"{noise.name} ({noise.where})")


def noises_along(claim: Claim, study: Study) -> list[NoiseSpec]:
    """Return the noises of a claim along the noise rate, by rate; clean text is the rate 0."""
    noisy = [n for n in study.noise if n != CLEAN and is_noise(n, claim.noise)]
    clean = [CLEAN] if CLEAN in study.noise else []
    return sorted([*clean, *noisy], key=lambda noise: noise.rate)


def axis_values(claim: Claim, study: Study) -> tuple[AxisValue | str, ...]:
    """Return the values of a claim's axis, as far as they can be ordered before the data is read.

    Train sizes stay in the study's order, for how many examples a share or a class has is not yet
    known. Where nothing is pretrained all arms are one run, so that no two of them are compared.
    """
    if isinstance(claim.along, tuple):
        return claim.along
    if claim.along == "train_size":
        return study.train_sizes
    if claim.along == "corpus_tokens":
        return tuple(sorted(size for size in study.corpus_tokens if size is not None))
    if claim.along == "pretrain_ratio":
        ratios = study.budget_split.pretrain_ratios if study.budget_split else ()
        return tuple(ratio for ratio in sorted(ratios) if ratio or not claim.control)
    if claim.along == "noise_rate":
        return tuple(noise.rate for noise in noises_along(claim, study))
    return ()


def num_tests(claim: Claim, study: Study) -> int:
    """Return how many tests a claim adds to its family."""
    if claim.test == "monotone":  # the whole, and each step, which may refute it
        return len(axis_values(claim, study))
    if claim.test == "ratio":
        return 0 if is_exact(claim, study) else 2
    return 2 if claim.test in ("equivalence", "crossing") else 1


def is_exact(claim: Claim, study: Study) -> bool:
    """Whether a ratio is arithmetic: FLOPs of pretrainings whose steps no clock decides."""
    return claim.cost == "pretrain_flops" and study.pretrain.budget.seconds is None

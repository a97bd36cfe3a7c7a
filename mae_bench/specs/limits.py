"""Limits of a study, whatever its results; printed before it runs and in its report."""

from mae_bench.specs.study import Study

MIN_SEEDS = 6  # with fewer, simulated studies of published differences err above the level


def few_seeds(count: int) -> str:
    """Return the sentence on fewer seeds than a verdict needs."""
    return (
        f"{count} seed{'s are' if count > 1 else ' is'} too few: no verdict is given below "
        f"{MIN_SEEDS}."
    )


def study_limits(study: Study) -> list[str]:
    """Return a sentence for each limit."""
    limits = []
    if study.repeats == "finetuning":
        limits.append(
            "Only fine-tuning is repeated, from one pretraining for each arm (repeats: "
            "finetuning). Verdicts say nothing about how much another pretraining of the same "
            "kind would differ."
        )
    if len(study.seeds) < MIN_SEEDS:
        limits.append(few_seeds(len(study.seeds)))
    return limits

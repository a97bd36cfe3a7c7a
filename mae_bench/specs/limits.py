"""What a study can never show, however it comes out; said before it runs and on its report."""

from mae_bench.specs.study import Study

MIN_SEEDS = 6  # with five, the smallest two-sided sign-flip p is 2/2**5 = .0625


def few_seeds(count: int) -> str:
    """Return the sentence on fewer seeds than a verdict needs."""
    return (
        f"{count} seed{'s' if count > 1 else ''} cannot reach p < .05 in a sign-flip test: no "
        f"verdict is possible below {MIN_SEEDS}."
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

"""Bugs in the simulated models of seed x task x example, for `run.py`."""

from bugs import Bug

HIERARCHICAL = "benchmarks/statistics/hierarchical.py"
REFERENCE = "tests/reference/test_hierarchical.py"
BUGS = (
    Bug(
        "seed_in_noise",
        "A seed's effect on all examples counts as noise of the examples.",
        HIERARCHICAL,
        "noise = (within - between) / ((num_seeds - 1) * (num_examples - 1))",
        "noise = within / ((num_seeds - 1) * (num_examples - 1))",
        (f"{REFERENCE}::test_components_are_mean_squares_of_seeds_and_examples",),
    ),
    Bug(
        "evidence_without_fit",
        "Structures are weighed without how well their best variance fits.",
        HIERARCHICAL,
        "np.log(evidence).sum(axis=1) + best.sum(axis=(1, 2))[:, None]",
        "np.log(evidence).sum(axis=1)",
        (f"{REFERENCE}::test_averaged_p_is_an_integral_over_structures_and_variances",),
    ),
)

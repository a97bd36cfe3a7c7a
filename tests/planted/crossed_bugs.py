"""Bugs in fine-tune seeds inside pretraining seeds, and in whose variance it is."""

from bugs import Bug

PLAN = "tests/planning/test_finetune_seeds.py"
SCORES = "tests/analysis/test_whose_variance.py"
SUMS = "tests/reference/test_variance.py"
BUGS = (
    Bug(
        "unnested_finetunes",
        "A further fine-tune draws the same labels at every pretraining seed.",
        "mae_bench/seeding.py",
        'return seed_for("evaluation", seed=seed, finetune_seed=finetune_seed)',
        'return seed_for("evaluation", seed=0, finetune_seed=finetune_seed)',
        (PLAN,),
    ),
    Bug(
        "mean_of_what_is_there",
        "A seed of which a fine-tune failed gets the mean over the others, on other labels.",
        "mae_bench/analysis/rows.py",
        '"values": finetunes.mean(axis=1)',
        '"values": np.nanmean(finetunes, axis=1)',
        (SCORES,),
    ),
    Bug(
        "biased_pretraining",
        "The variance of pretraining keeps the share that fine-tunes have in its means.",
        "mae_bench/analysis/variance.py",
        "return (self.between.value - self.within.value) / self.num_finetunes",
        "return self.between.value / self.num_finetunes",
        (SUMS,),
    ),
    Bug(
        "narrow_by_share",
        "An interval from many fine-tunes of one pretraining is as narrow as one from a single.",
        "mae_bench/analysis/variance.py",
        "np.sqrt(1 + num_finetunes * max(ratio, 0.0))",
        "np.sqrt(1 + max(ratio, 0.0))",
        (SUMS,),
    ),
    Bug(
        "unpaired_difference",
        "What arms share at a fine-tune seed counts as each arm's own.",
        "mae_bench/analysis/crossed_variance.py",
        "- (runs - seeds[:, None])\n    nested",
        "\n    nested",
        (SUMS,),
    ),
)

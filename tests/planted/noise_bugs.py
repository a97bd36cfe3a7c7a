"""Bugs in noises, per-class sizes, and what the report works out along these axes."""

from bugs import Bug

DATA = "tests/data/test_noises.py"
BUGS = (
    Bug(
        "errors_all_alike",
        "Each error of a word comes as often as the others, however often people made it.",
        "mae_bench/data/noises/tables.py",
        "upto.append(count + (upto[-1] if upto else 0))",
        "upto.append(1 + (upto[-1] if upto else 0))",
        (f"{DATA}::test_an_error_comes_as_often_as_it_was_made_and_with_the_capitals_of_its_word",),
    ),
    Bug(
        "draws_only_of_hits",
        "A word that is not hit takes no draw for its error, so that other rates hit other words.",
        "mae_bench/data/noises/natural.py",
        "hit, which = rng.random(), rng.random()",
        "hit, which = (h := rng.random()), rng.random() if h < rate else 0.0",
        ("tests/contract/test_noise_contract.py",),
    ),
    Bug(
        "table_in_no_id",
        "Another table of errors gives the same id, so that old results are used again.",
        "mae_bench/planning/stage.py",
        '{**spec, "data": table_fingerprint(table, language, self.data_dir)}',
        "dict(spec)",
        (
            "tests/planning/test_noise_plans.py::test_another_table_is_another_evaluation_and_a_study_that_is_not_finished",
        ),
    ),
    Bug(
        "labels_right_again",
        "A label that is wrong at a rate is another wrong one, or right, at a higher rate.",
        "mae_bench/tasks/mislabel.py",
        "_draws(base, name) for name in examples.ids",
        "_draws(base + int(1000 * rate), name) for name in examples.ids",
        ("tests/protocols/test_noisy_splits.py",),
    ),
    Bug(
        "silent_identity",
        "A noise that changes no text is read as if it were a result under that noise.",
        "mae_bench/protocols/noisy.py",
        "if noise.rate == 0 or changed.texts != examples.texts:",
        "if noise.rate == 0 or changed.texts == examples.texts:",
        ("tests/protocols/test_noisy_splits.py",),
    ),
    Bug(
        "crossing_of_few_seeds",
        "A crossing's interval is that of the plain bootstrap, too narrow for few seeds.",
        "mae_bench/analysis/crossing.py",
        "mean + factor * np.sqrt(n / (n - 1)) * (drawn - mean)",
        "drawn",
        ("tests/analysis/test_crossing.py",),
    ),
    Bug(
        "drop_of_the_first_rate",
        "The relative drop is that of the lowest rate, not of the highest.",
        "mae_bench/analysis/noise_curves.py",
        "relative_drop(values[0], values[-1], measure.sign)",
        "relative_drop(values[0], values[1], measure.sign)",
        ("tests/analysis/test_noise_curves.py",),
    ),
)

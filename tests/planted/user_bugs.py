"""Bugs in what a user learns of a study and its results, as edits of one place each."""

from bugs import Bug

RECIPES = "tests/planning/test_recipes.py"
SECTION = "tests/planning/test_tuning_section.py"
SECONDARY = "tests/analysis/test_secondary.py"

BUGS = (
    Bug(
        "recipe_of_nobody",
        "A recipe of a protocol that the study does not run is dropped without a word.",
        "mae_bench/planning/recipes.py",
        "        if not _is_run(name, protocol, study):\n",
        "        if not _is_run(name, protocol, study) and protocol.reads_corpus:\n",
        (f"{RECIPES}::test_the_recipe_of_trials_is_read",),
    ),
    Bug(
        "short_form_of_nobody",
        "A short form that no protocol reads moves nothing, and nobody says so.",
        "mae_bench/planning/recipes.py",
        "if name in study.model_fields_set and not isinstance(getattr(study, name), kinds)",
        "if name in study.recipes and not isinstance(getattr(study, name), kinds)",
        (f"{RECIPES}::test_a_short_form_that_no_protocol_reads_is_warned_of",),
    ),
    Bug(
        "tuned_by_a_floor",
        "Trials are chosen by a floor, which gives every one of them the same value.",
        "mae_bench/planning/tuning_section.py",
        "    if not protocol.needs_checkpoint:\n",
        "    if not protocol.needs_checkpoint and not tuning.protocol:\n",
        (f"{SECTION}::test_a_wrong_name_has_its_key_its_file_and_its_line",),
    ),
    Bug(
        "override_blamed_on_the_file",
        "A wrong value of --set is said to stand in a line of the file.",
        "mae_bench/planning/study.py",
        "        where = _blame(path, text, error.key_path, overrides, scale)\n",
        "        where = _blame(path, text, error.key_path, (), scale)\n",
        (f"{SECTION}::test_a_wrong_override_is_not_blamed_on_the_file",),
    ),
    Bug(
        "secondary_unseen",
        "The secondary metrics of other packages are on no page.",
        "mae_bench/analysis/secondary.py",
        'rows["metric"][~is_primary])',
        'rows["metric"][is_primary])',
        (f"{SECONDARY}::test_a_secondary_metric_of_another_package_is_on_the_page",),
    ),
    Bug(
        "untrained_for_nothing",
        "An objective that says it does not train may cost what training costs.",
        "mae_bench/contract/untrained.py",
        "price.total == 0,",
        "price.total >= 0,",
        ("tests/contract/test_check.py::test_what_does_not_train_is_judged_as_such",),
    ),
)

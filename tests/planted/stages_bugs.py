"""Bugs in kinds of stages, in where workers run, in rows and in recipes, one place each."""

from bugs import Bug

EXECUTORS = "tests/runner/test_executors.py"
KINDS = "tests/runner/test_stage_kinds.py"
RECIPES = "tests/planning/test_recipes.py"
ROWS = "tests/property/test_rows.py"
BUGS = (
    Bug(
        "noise_as_it_prints",
        "The long table of scores writes a noise as Python prints it.",
        "mae_bench/analysis/score_tables.py",
        '"noise": setting.noise.label,',
        '"noise": setting.noise,',
        ("tests/analysis/test_tables.py::test_the_long_table_names_a_noise_as_its_label",),
    ),
    Bug(
        "ids_without_version",
        "A stage of another version has the id of the one before.",
        "mae_bench/planning/stage.py",
        "STAGE_KINDS[kind].version",
        "1",
        ("tests/golden/test_ids.py",),
    ),
    Bug(
        "open_network",
        "A pretraining may fetch what its study does not name.",
        "mae_bench/planning/stage_kinds.py",
        'StageKind("pretrain", 3, False,',
        'StageKind("pretrain", 3, True,',
        (f"{KINDS}::test_what_is_trained_never_touches_the_network",),
    ),
    Bug(
        "reason_twice",
        "What failed first is told again for each stage between it and the row.",
        "mae_bench/planning/reasons.py",
        "inherited[stage.key] = inherited[need]",
        'inherited[stage.key] = f"{STAGE_KINDS[need[0]].failed}: {inherited[need]}"',
        (f"{KINDS}::test_what_failed_first_is_named_once",),
    ),
    Bug(
        "all_on_the_first_card",
        "Every worker runs on the first of the cards.",
        "mae_bench/runner/devices.py",
        'return f"cuda:{worker % num_cards}"',
        'return "cuda:0"',
        (f"{EXECUTORS}::test_workers_take_the_visible_cards_in_turn",),
    ),
    Bug(
        "one_worker_numbered",
        "A single worker on several cards no longer runs on the device that was named.",
        "mae_bench/runner/devices.py",
        'if device != "cuda" or num_workers == 1 or num_cards < 2:',
        'if device != "cuda" or num_cards < 2:',
        (f"{EXECUTORS}::test_workers_take_the_visible_cards_in_turn",),
    ),
    Bug(
        "card_not_taken",
        "Workers draw a card each, and all run on the first.",
        "mae_bench/runner/executors/base.py",
        "settings = self.settings.on(device)",
        "settings = self.settings",
        (f"{EXECUTORS}::test_a_worker_runs_its_stages_on_its_card",),
    ),
    Bug(
        "silent_executor",
        "An executor that gives up leaves a run that looks finished.",
        "mae_bench/runner/executors/base.py",
        "            left.append(stage)\n",
        "            continue\n",
        (f"{EXECUTORS}::test_an_executor_that_leaves_stages_undone_is_an_error",),
    ),
    Bug(
        "untold_ends",
        "What an executor's workers did is not shown where it cannot hear them.",
        "mae_bench/runner/executors/base.py",
        'hear(Event("done", stage.key, stage.label, seconds=seconds))',
        "ended.add(stage.key)",
        (f"{EXECUTORS}::test_an_executor_of_another_package_gives_the_same_rows",),
    ),
    Bug(
        "value_and_failure",
        "A failed cell may keep a number.",
        "mae_bench/results.py",
        "if self.value is not None and self.failure is not None:",
        "if self.failure is not None and not self.study:",
        (f"{ROWS}::test_what_is_no_row_is_refused",),
    ),
    Bug(
        "unknown_column_dropped",
        "A column that no row has is dropped without a word.",
        "mae_bench/results.py",
        "return Row.model_validate(dict(columns))",
        "return Row(**{n: value for n, value in columns.items() if n in Row.model_fields})",
        (f"{ROWS}::test_what_is_no_row_is_refused",),
    ),
    Bug(
        "size_as_share",
        "A count of labels is read back from a table as a share of them.",
        "mae_bench/results.py",
        "return int(text) if text.isdecimal() else float(text)",
        "return float(text) / 10 ** len(text)",
        (f"{ROWS}::test_rows_survive_parquet",),
    ),
    Bug(
        "corpus_without_a_name",
        "What reads the corpus gets other ids than before, and is run again.",
        "mae_bench/specs/evaluation.py",
        'return content | {"task": self.task or CORPUS}',
        "return content",
        ("tests/protocols/test_representation.py::test_its_ids_are_what_they_were",),
    ),
    Bug(
        "recipe_unread",
        "The recipe that a study sets for a plug-in's protocol or a floor changes nothing.",
        "mae_bench/planning/recipes.py",
        "        if name in study.recipes:\n",
        "        if name in SHORT_FORMS and name in study.recipes:\n",
        (f"{RECIPES}::test_the_recipe_of_a_floor_can_be_set",),
    ),
    Bug(
        "verbs_in_a_circle",
        "A module of the command line imports one that imports it.",
        "mae_bench/cli/interrupts.py",
        "    def interrupt(number: int, frame: object) -> None:\n",
        "    import mae_bench.cli.tuning\n\n"
        "    def interrupt(number: int, frame: object) -> None:\n",
        ("tests/house/test_imports.py::test_no_module_imports_itself_through_others",),
    ),
)

"""Bugs in what a plan tells of tasks and encoders, and in what every kind and reader shares."""

from bugs import Bug

COSTS = "tests/planning/test_encoder_costs.py"
TASKS = "tests/planning/test_planned_tasks.py"
BUGS = (
    Bug(
        "outside_teacher_of_our_size",
        "A teacher from outside is reckoned with the sizes of the study's backbone.",
        "mae_bench/planning/estimate.py",
        "    outside_teacher = encoders.teacher_of(stage, arm)\n",
        "    outside_teacher = None\n",
        (f"{COSTS}::test_a_teacher_from_outside_has_its_own_price",),
    ),
    Bug(
        "table_of_tokens_multiplied",
        "An encoder's table of tokens is reckoned as if it were multiplied.",
        "mae_bench/planning/encoder_costs.py",
        "len(shape) > 1 and vocab_size not in shape and",
        "len(shape) > 1 and",
        (f"{COSTS}::test_a_cost_read_from_the_files_is_near_what_torch_counts",),
    ),
    Bug(
        "rows_before_preparing",
        "A plan tells the rows of a definition for a task that is prepared.",
        "mae_bench/planning/planned_tasks.py",
        '"rows": prepared or _known_rows(task, data_dir),',
        '"rows": _known_rows(task, data_dir),',
        (f"{TASKS}::test_rows_of_own_files_and_of_what_is_prepared",),
    ),
    Bug(
        "second_text_unframed",
        "The tokens between two texts are told as those after them.",
        "mae_bench/training/token_roles.py",
        "        groups.append(whole[at:start])\n",
        "        groups.append(whole[at:start] if at == 0 else [])\n",
        ("tests/training/test_token_roles.py",),
    ),
    Bug(
        "true_is_a_class",
        "True among the labels of a text is taken for class 1.",
        "mae_bench/tasks/label_names.py",
        "if isinstance(value, int) and not isinstance(value, bool):",
        "if isinstance(value, int):",
        ("tests/tasks/test_label_names.py",),
    ),
)

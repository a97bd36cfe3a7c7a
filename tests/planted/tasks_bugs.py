"""Bugs in how a user's own files become a task, and in how published labels are read."""

from bugs import Bug

OWN = "tests/tasks/test_own_task.py"
BUGS = (
    Bug(
        "copies_apart",
        "Copies of a text stand in train and in the carved test.",
        "mae_bench/data/own_files.py",
        "        parts[key in tested].append(row)",
        "        parts[0].append(row)\n        parts[1] += [row] if key in tested else []",
        (f"{OWN}::test_carving_follows_the_content_and_keeps_copies_together",),
    ),
    Bug(
        "labels_unstripped",
        "'spam ' and 'spam' are two classes.",
        "mae_bench/data/own_files.py",
        "return label.strip() if isinstance(label, str) else str(label)",
        "return label if isinstance(label, str) else str(label)",
        (f"{OWN}::test_labels_are_named_as_they_are_written",),
    ),
    Bug(
        "path_is_the_id",
        "A file that moved is another task.",
        "mae_bench/data/own_files.py",
        "[part, labelled_file(Path(path)).kind, file_digest(Path(path))]",
        "[part, path, file_digest(Path(path))]",
        (f"{OWN}::test_the_content_is_the_id_and_the_file_may_move",),
    ),
    Bug(
        "hub_numbers",
        "Numbers that the Hub counts in another order are taken as our own.",
        "mae_bench/data/sources.py",
        "for ours in source.hub_names:",
        "for ours in ():",
        (
            "tests/tasks/test_definitions.py::"
            "test_numbers_that_the_hub_counts_in_another_order_are_read_by_name",
        ),
    ),
    Bug(
        "changed_file",
        "A file that changed after the plan is kept under the id of the old one.",
        "mae_bench/runner/stages.py",
        'if "definition" in spec and task_fingerprint(task, data_dir) != spec["data"]:',
        "if False:",
        (
            "tests/planning/test_own_tasks.py::"
            "test_the_plan_holds_the_task_and_a_worker_gets_it_whole",
        ),
    ),
)

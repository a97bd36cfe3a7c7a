"""Bugs of files, ids and studies: what is read, what names a result, what is refused."""

from bugs import Bug

LISTING = "tests/data/test_listing.py"
PLUGINS = "tests/planning/test_plugins.py"
BUGS = (
    Bug(
        "silent_skips",
        "What a folder holds and is not read is named nowhere.",
        "mae_bench/data/listing.py",
        'skipped.append(f"{entry.relative_to(path)} (its ending)")',
        "pass",
        (f"{LISTING}::test_what_is_left_out_is_named_and_marks_of_programs_are_not",),
    ),
    Bug(
        "read_twice",
        "A file that a link leads to is read once for each name.",
        "mae_bench/data/listing.py",
        "            if real not in seen:",
        "            if place not in files:",
        (f"{LISTING}::test_links_are_followed_once",),
    ),
    Bug(
        "half_characters",
        "Half of a character in JSON goes on to the tokenizer.",
        "mae_bench/data/files.py",
        r'if half := re.search(r"[\ud800-\udfff]", value):',
        r'if half := re.search(r"[\udfff]", value):',
        (f"{LISTING}::test_half_of_a_character_is_named_with_its_line",),
    ),
    Bug(
        "whole_long_document",
        "A document that is most of the text goes to validation whole.",
        "mae_bench/data/split.py",
        "            elif len(text) > self.max_chars:",
        "            elif not text:",
        ("tests/data/test_few_documents.py",),
    ),
    Bug(
        "crumbs_set_apart",
        "A validation part that is next to nothing is enough.",
        "mae_bench/data/split.py",
        "(NEAR * held >= share or (is_last and not is_cut))",
        "True",
        ("tests/data/test_few_documents.py",),
    ),
    Bug(
        "id_without_ending",
        "The same bytes have one id whether they are cut at blank lines or at lines.",
        "mae_bench/data/corpus.py",
        'f"{f.kind}{f.packed}:{file_digest(f.path)}"',
        'f"{file_digest(f.path)}"',
        (f"{LISTING}::test_how_a_file_is_cut_is_in_the_id",),
    ),
    Bug(
        "id_without_metrics",
        "A task whose metrics change keeps its results.",
        "mae_bench/tasks/prepared.py",
        "            task.metrics,\n",
        "",
        ("tests/tasks/test_tasks.py", PLUGINS),
    ),
    Bug(
        "id_without_unlisted_splits",
        "Test labels that change on disk keep the results of the old ones.",
        "mae_bench/data/sources.py",
        "    splits = sorted({*source.splits, *also})",
        "    splits = sorted(source.splits)",
        ("tests/tasks/test_tasks.py", "tests/data/test_sources.py"),
    ),
    Bug(
        "id_without_plugin",
        "A new version of another package's objective keeps the results of the old one.",
        "mae_bench/planning/stage.py",
        'content["plugins"] = {plugin.what: plugin.version for plugin in plugins}',
        'content["plugins"] = {plugin.what: "" for plugin in plugins}',
        (f"{PLUGINS}::test_the_version_of_an_objective_is_in_the_ids_of_all_that_train_it",),
    ),
    Bug(
        "untold_source",
        "Changed code of another package is told nowhere.",
        "mae_bench/planning/plugged.py",
        "before[plugin.what] != now[plugin.what]",
        "plugin.what not in now",
        (f"{PLUGINS}::test_a_changed_source_is_warned_of_until_its_version_is_raised",),
    ),
    Bug(
        "one_label_twice",
        "Noises that rows call by one name are two arms of the plan.",
        "mae_bench/planning/shorthand.py",
        "            seen[label] = value\n",
        "            seen[str(value)] = value\n",
        ("tests/planning/test_odd_studies.py::test_odd_yaml_is_one_sentence_with_its_line",),
    ),
    Bug(
        "truth_is_one",
        "True stands for 1 wherever a number is wanted.",
        "mae_bench/specs/base.py",
        "any(type(item) not in kinds for item in _scalars(value))",
        "any(not isinstance(item, tuple(kinds)) for item in _scalars(value))",
        ("tests/planning/test_odd_studies.py::test_odd_yaml_is_one_sentence_with_its_line",),
    ),
    Bug(
        "escaped_database",
        "The database of a home with ? in its path lies outside of it.",
        "mae_bench/tuning/rounds.py",
        """
                "sqlite://",  # a path would be read as a URL, with its `?`, `%` and braces
                engine_kwargs={
                    "creator": partial(sqlite3.connect, session.folder / DATABASE, timeout=60),
                },
""",
        """
                f"sqlite:///{session.folder / DATABASE}",
                engine_kwargs={"connect_args": {"timeout": 60}},
""",
        ("tests/tuning/test_tuning_home.py",),
    ),
)

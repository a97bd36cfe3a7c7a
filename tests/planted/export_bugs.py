"""Bugs of exported checkpoints; joined to the list of `bugs.py`."""

from bugs import Bug

TESTS = "tests/export/test_export.py"
BUGS = (
    Bug(
        "card_of_the_whole_arm",
        "The card gives the rows of all seeds as those of the checkpoint.",
        "mae_bench/export/runs.py",
        'return self.rows[self.rows["pretrain_id"] == self.id]',
        "return self.rows",
        (f"{TESTS}::test_the_folder_is_the_encoder_and_the_card_has_its_rows",),
    ),
    Bug(
        "export_over_files",
        "A folder that holds something is written over.",
        "mae_bench/export/folder.py",
        "    if out.exists() or out.is_symlink():",
        "    if out.is_file():",
        (f"{TESTS}::test_a_folder_with_files_stays_as_it_is",),
    ),
    Bug(
        "first_of_several_seeds",
        "A name with a seed means the arm's first pretraining.",
        "mae_bench/export/runs.py",
        'rows.loc[rows["pretrain_seed"] == seed, "pretrain_id"]',
        'rows.loc[rows["pretrain_seed"] >= 0, "pretrain_id"].iloc[:1]',
        (f"{TESTS}::test_the_folder_is_the_encoder_and_the_card_has_its_rows",),
    ),
)

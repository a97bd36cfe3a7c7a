"""Bugs in how outside heads are asked, and in what text is taken for held out."""

from bugs import Bug

HEADS = "tests/protocols/test_outside_heads.py"
OUTSIDE = "mae_bench/protocols/outside_head.py"
BUGS = (
    Bug(
        "shown_to_the_head",
        "An outside encoder reads the token that its head is asked for.",
        OUTSIDE,
        "return ids.scatter(1, hidden, self._mask_id)",
        "return ids",
        (HEADS,),
    ),
    Bug(
        "own_next_token",
        "From left to right a token is scored where it was read, not before it.",
        OUTSIDE,
        "given, at = ids, asked - 1",
        "given, at = ids, asked",
        (HEADS,),
    ),
    Bug(
        "random_head",
        "A head whose weights are in no file scores with random ones.",
        "mae_bench/model/head_folder.py",
        "        if missing:",
        "        if missing is None:",
        (HEADS,),
    ),
    Bug(
        "one_head_for_all",
        "Two runs with one encoder and two heads share their scores.",
        "mae_bench/planning/reading.py",
        "return head.files if protocol.asks_head(tasks[task].kind) else None",
        "return None",
        ("tests/planning/test_arm_heads.py",),
    ),
    Bug(
        "same_text_for_ever",
        "Held-out text is known by its corpus' name: changed files keep the old scores.",
        "mae_bench/data/held_out.py",
        "{corpus_fingerprint(self.spec, data_dir)}",
        "{self.corpus}",
        ("tests/tasks/test_held_out_text.py",),
    ),
)

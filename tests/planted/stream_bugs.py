"""Bugs of corpora that pass through in chunks, or stay on disk; joined to the list of `bugs.py`."""

from bugs import Bug

STREAM = "tests/data/test_streaming.py"
ROWS = "tests/pretraining/test_device_rows.py"
BUGS = (
    Bug(
        "cut_at_chunks",
        "White space at the end of a chunk ends a document, or joins two.",
        "mae_bench/data/chunks.py",
        "        ready = len(text.rstrip())",
        "        ready = len(text)",
        (f"{STREAM}::test_where_chunks_end_cuts_nothing",),
    ),
    Bug(
        "twice_in_two_runs",
        "A text that stands in two sorted runs is trained on twice.",
        "mae_bench/data/spool.py",
        "            if record[0] != last:",
        "            if record:",
        (f"{STREAM}::test_texts_sorted_in_runs_are_those_sorted_at_once",),
    ),
    Bug(
        "runs_in_memory",
        "All sorted runs are held in memory until they are merged.",
        "mae_bench/data/spool.py",
        "SpooledTemporaryFile[bytes](RUN_BYTES, dir",
        "SpooledTemporaryFile[bytes](1 << 40, dir",
        (f"{STREAM}::test_memory_does_not_grow_with_the_corpus",),
    ),
    Bug(
        "unordered_threads",
        "Batches come back in the order in which threads end.",
        "mae_bench/data/encoding.py",
        "                yield ahead.popleft().result()\n        while",
        "                yield ahead.pop().result()\n        while",
        (f"{STREAM}::test_threads_change_no_id",),
    ),
    Bug(
        "stale_block",
        "A training that goes on in another epoch reads the block of the one before.",
        "mae_bench/pretraining/device_rows.py",
        "        if (epoch, block) == self._open:",
        "        if block == self._open[1]:",
        (f"{ROWS}::test_every_step_reads_its_rows_from_any_place",),
    ),
)

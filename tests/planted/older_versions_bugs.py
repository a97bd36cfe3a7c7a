"""Bugs in what holds older versions of transformers to what later ones do."""

from bugs import Bug

TESTS = "tests/model/test_older_transformers.py"
BUGS = (
    Bug(
        "old_meta_asks_torch",
        "An older transformers still asks torch of the meta device, so nothing is counted there.",
        "mae_bench/model/older_transformers.py",
        'if device_type == "meta":',
        'if device_type == "metal":',
        (TESTS,),
    ),
    Bug(
        "old_autocast_never_off",
        "Positions are rotated in bf16 by an older transformers.",
        "mae_bench/model/older_transformers.py",
        "entered: AbstractContextManager[None] = asks(device_type, *args, **given)",
        "entered: AbstractContextManager[None] = nullcontext()",
        (TESTS,),
    ),
    Bug(
        "old_mpnet_warns",
        "MPNet reads ids on the host, to warn, and its costs are unknown.",
        "mae_bench/model/older_transformers.py",
        'SILENT_LATER = ("modernbert", "mpnet")',
        'SILENT_LATER = ("modernbert",)',
        (TESTS,),
    ),
    Bug(
        "old_missing_library_is_a_traceback",
        "A folder without a tokenizer ends in a traceback where transformers wants protobuf.",
        "mae_bench/training/batching.py",
        "except (OSError, ValueError, ImportError) as error:",
        "except (OSError, ValueError) as error:",
        ("tests/training/test_batching.py",),
    ),
    Bug(
        "interrupted_while_starting",
        "An interrupt is repeated before the hook that asked for it is over, and is lost.",
        "mae_bench/runner/interrupts.py",
        "    return frame is not None",
        "    return False",
        ("tests/runner/test_interrupts.py",),
    ),
    Bug(
        "rows_of_two_in_one_file",
        "Two processes that end at once write their rows into one temporary file.",
        "mae_bench/results.py",
        'f".{path.name}.{uuid.uuid4().hex[:8]}"',
        'f".{path.name}.tmp"',
        ("tests/property/test_rows.py",),
    ),
)

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
)

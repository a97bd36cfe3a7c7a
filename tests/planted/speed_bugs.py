"""Bugs of what a process keeps in memory; joined to the list of `bugs.py`."""

from bugs import Bug

CACHES = "tests/store/test_caches.py"
BUGS = (
    Bug(
        "cached_length",
        "A text comes back as it was cut for another protocol's max_length.",
        "mae_bench/training/token_cache.py",
        "(number, max_length, row) for row",
        "(number, 0, row) for row",
        (f"{CACHES}::test_each_length_has_its_own_ids",),
    ),
    Bug(
        "cached_tokenizer",
        "A text comes back as another arm's tokenizer has read it.",
        "mae_bench/training/token_cache.py",
        "(number, max_length, row) for row",
        "(0, max_length, row) for row",
        (f"{CACHES}::test_each_tokenizer_has_its_own_ids",),
    ),
    Bug(
        "cached_noise",
        "The noise of the first seed, task and split that asked is everybody's.",
        "mae_bench/data/noise.py",
        "(noise, context, rate, base, name, text)",
        "(noise, context, rate, name, text)",
        (f"{CACHES}::test_noise_from_memory_is_that_of_its_seed_rate_task_and_split",),
    ),
    Bug(
        "cached_rate",
        "The noise of the first rate that asked is that of every rate.",
        "mae_bench/data/noise.py",
        "(noise, context, rate, base, name, text)",
        "(noise, context, base, name, text)",
        (f"{CACHES}::test_noise_from_memory_is_that_of_its_seed_rate_task_and_split",),
    ),
    Bug(
        "shared_encoder",
        "A fine-tune starts from the weights that the one before it has trained.",
        "mae_bench/model/backbone.py",
        "return Backbone(copy.deepcopy(_encoders[key]))",
        "return Backbone(_encoders[key])",
        (f"{CACHES}::test_each_reader_of_a_checkpoint_has_weights_of_its_own",),
    ),
    Bug(
        "cached_dropout",
        "A teacher without dropout lends its copy to a fine-tune that has some.",
        "mae_bench/model/backbone.py",
        "key = (dropout, file_stamps(",
        "key = (None, file_stamps(",
        (f"{CACHES}::test_dropout_is_that_which_was_asked_for",),
    ),
    Bug(
        "stale_weights",
        "A checkpoint that was built again is read as it was before.",
        "mae_bench/model/backbone.py",
        'file_stamps([kept / "config.json", *weights])',
        'file_stamps([kept / "config.json"])',
        (f"{CACHES}::test_a_checkpoint_that_was_written_again_is_read_again",),
    ),
)

"""Bugs in reading encoders from outside."""

from bugs import Bug

FAMILIES = "tests/model/test_families.py"
OUTSIDE = "tests/protocols/test_outside_encoder.py"
PLAN = "tests/planning/test_encoders_plan.py"
BUGS = (
    Bug(
        "positions_of_padding",
        "RoBERTa is said to read as many tokens as it has positions, two of which are padding's.",
        "mae_bench/backbones/configs.py",
        "return limit - 1 - (1 if pad_id is None else int(pad_id))",
        "return limit",
        (f"{FAMILIES}::test_it_reads_as_many_tokens_as_it_has_positions",),
    ),
    Bug(
        "first_token_of_a_decoder",
        "A decoder's text is summed up by its first token, which has read nothing.",
        "mae_bench/training/token_roles.py",
        '"last" if pooling == "cls" and not has_first else pooling',
        "pooling",
        (f"{FAMILIES}::test_cls_means_the_token_that_has_read_the_text",),
    ),
    Bug(
        "random_weights",
        "Weights that an encoder's files lack are drawn at random, and nobody is told.",
        "mae_bench/model/encoder_folder.py",
        "    if missing:\n",
        "    if not names:\n",
        (f"{OUTSIDE}::test_weights_that_would_be_random_are_refused",),
    ),
    Bug(
        "encoder_by_its_path",
        "Two copies of one encoder are two encoders.",
        "mae_bench/specs/evaluation.py",
        'content.pop("folder", None)',
        'content.get("folder", None)',
        (f"{PLAN}::test_an_encoder_is_known_by_its_content_alone",),
    ),
    Bug(
        "berts_cost_for_all",
        "An architecture that nobody registered costs what BERT would.",
        "mae_bench/training/operations.py",
        "stack_of_config(config) if is_known else measure_cost(config)",
        "stack_of_config(config)",
        (f"{FAMILIES}::test_operations_are_counted_or_unknown_and_never_made_up",),
    ),
)

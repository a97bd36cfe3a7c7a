"""Bugs of a last layer that is computed in part."""

from bugs import Bug

LAST = "tests/model/test_last_layer.py"
BUGS = (
    Bug(
        "first_positions",
        "Queries of chosen positions are rotated as if they stood at the start of the row.",
        "mae_bench/model/last_layer.py",
        "*(_picked(part, at) for part in rotation)",
        "*(part[:, : at.shape[1]] for part in rotation)",
        (LAST,),
    ),
    Bug(
        "last_layer_reads_padding",
        "The last layer of a compiled step reads padding.",
        "mae_bench/model/last_layer.py",
        "None if is_pad is None else torch.where",
        "None if True else torch.where",
        (LAST,),
    ),
    Bug(
        "skipped_everywhere",
        "Steps that are not compiled leave out the last layer, too: their numbers move.",
        "mae_bench/model/last_layer.py",
        "    if not torch.compiler.is_compiling():\n        return False\n",
        "",
        (f"{LAST}::test_steps_that_are_not_compiled_run_the_whole_layer",),
    ),
    Bug(
        "dropped_dropout",
        "A compiled step of an encoder with dropout drops nothing in its last layer's attention.",
        "mae_bench/model/last_layer.py",
        "(config.attention_dropout or config.mlp_dropout or config.embedding_dropout)",
        "config.is_decoder",
        (f"{LAST}::test_other_encoders_run_the_whole_layer",),
    ),
    Bug(
        "seen_masks",
        "In compiled steps other tokens attend to [MASK] where `hides_masks` forbids it.",
        "mae_bench/objectives/targets.py",
        "if is_unseen is None and at is not None and",
        "if at is not None and",
        (f"{LAST}::test_hidden_masks_need_the_whole_layer",),
    ),
)

"""Bugs in strategies of fine-tuning, long texts, variants and shared vectors, one place each."""

from bugs import Bug

STRATEGIES = "tests/protocols/test_strategies.py"
VECTORS = "tests/protocols/test_text_vectors.py"
BUGS = (
    Bug(
        "decay_upside_down",
        "The lowest layer gets the highest rate.",
        "mae_bench/protocols/strategies.py",
        "return decay ** (layers.count - min(layer, layers.count - 1))",
        "return decay ** (1 + max(layer, 0))",
        (f"{STRATEGIES}::test_the_rate_of_each_layer_is_that_above_it_times_the_decay",),
    ),
    Bug(
        "probe_forgotten",
        "What the head learned alone is thrown away before everything is trained.",
        "mae_bench/protocols/finetuner.py",
        "            parameter.requires_grad_(True)\n"
        "        self.start = copy.deepcopy(self.model.state_dict())\n",
        "            parameter.requires_grad_(True)\n",
        (f"{STRATEGIES}::test_the_head_is_trained_alone_before_all_is",),
    ),
    Bug(
        "batch_as_long_as_its_texts",
        "A text's vector depends on how many texts stand beside it.",
        "mae_bench/protocols/fixed_shapes.py",
        "np.resize(part, rows)",
        "np.resize(part, len(part))",
        (f"{VECTORS}::test_batches_have_a_fixed_shape",),
    ),
    Bug(
        "absent_chunks_read",
        "The mean of a text's chunks counts chunks that it does not have.",
        "mae_bench/model/text_pooling.py",
        'return self.head.read(pool(chunks, is_absent, "mean"))',
        "return self.head.read(chunks.mean(dim=1))",
        ("tests/training/test_long_texts.py::"
         "test_a_text_is_the_mean_of_its_chunks_each_read_alone",),
    ),
    Bug(
        "halves_counted_as_layers",
        "The two halves of each of T5's blocks count as the layers of the encoder.",
        "mae_bench/model/layers.py",
        "    if is_nested or not numbers:",
        "    if not numbers:",
        ("tests/protocols/test_vectors_of_families.py::"
         "test_layers_are_those_of_the_config_or_refused",),
    ),
    Bug(
        "variant_forgets_the_study",
        "A variant starts from the defaults and not from the study's own recipe.",
        "mae_bench/planning/recipes.py",
        "changed = {**own.model_dump(exclude_unset=True), **study.recipes[name]}",
        "changed = {**study.recipes[name]}",
        ("tests/planning/test_variants.py::"
         "test_a_variant_is_the_protocol_with_what_it_changes",),
    ),
)  # fmt: skip

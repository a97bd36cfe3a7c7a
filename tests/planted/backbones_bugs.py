"""Bugs in what architectures say of themselves, and in who asks them."""

from bugs import Bug

CONTRACT = "tests/contract/test_backbones_contract.py"
THEIRS = "tests/e2e/test_backbone_plugin.py"
BUGS = (
    Bug(
        "ungated_price",
        "A ModernBERT's gated MLP is priced as one without a gate: its arms train longer.",
        "mae_bench/backbones/modernbert.py",
        "    mlp_matrices = 3\n",
        "    mlp_matrices = 2\n",
        (CONTRACT,),
    ),
    Bug(
        "kept_dropout",
        "A study's dropout leaves BERT's attention at its own 0.1.",
        "mae_bench/backbones/bert.py",
        'dropout_names = ("hidden_dropout_prob", "attention_probs_dropout_prob")',
        'dropout_names = ("hidden_dropout_prob",)',
        (CONTRACT,),
    ),
    Bug(
        "unversioned_backbone",
        "A new version of another package's architecture finds the checkpoints of the old one.",
        "mae_bench/planning/stage.py",
        "plugins := (*backbone_plugins(backbone), *objective_plugins(objective, options))",
        "plugins := objective_plugins(objective, options)",
        (f"{THEIRS}::test_its_version_is_in_the_ids_of_all_that_is_made_with_it",),
    ),
    Bug(
        "unnoticed_source",
        "A changed architecture is not told of the evaluations that ran it.",
        "mae_bench/planning/stage.py",
        "            plugins += backbone_plugins(backbone)",
        "            plugins += ()",
        (f"{THEIRS}::test_its_version_is_in_the_ids_of_all_that_is_made_with_it",),
    ),
    Bug(
        "any_recurrence",
        "A folder with a GRU is read as an LSTM, whose steps cost a third more.",
        "mae_bench/backbones/recurrent.py",
        'super().is_config(config) and config.get("cell") == self.cell',
        "super().is_config(config)",
        (CONTRACT,),
    ),
    Bug(
        "narrow_vectors",
        "An encoder whose token vectors are narrower than its layers is taken as a start.",
        "mae_bench/pretraining/external.py",
        "    if size != backbone.width:\n",
        "    if size > backbone.width:\n",
        (f"{THEIRS}::test_token_vectors_of_another_width_are_refused",),
    ),
    Bug(
        "norms_left_behind",
        "A recurrent student starts with its teacher's layers and the norms of other layers.",
        "mae_bench/backbones/recurrent.py",
        'layer_name = "layers|norms"',
        'layer_name = "layers"',
        ("tests/objectives/test_distill.py::test_a_recurrent_layer_is_copied_with_its_norm",),
    ),
    Bug(
        "depth_unseen",
        "The contract of backbones does not see a list of layers that layer_name leaves out.",
        "mae_bench/contract/backbone.py",
        "        deep == shallow,\n",
        "        deep >= shallow,\n",
        ("tests/contract/test_backbone_faults.py::test_a_fault_is_noticed",),
    ),
    Bug(
        "start_without_revision",
        "A mixture keeps the id of numbers that a mended part has moved.",
        "mae_bench/objectives/parts.py",
        "return 1 + sum(p.kind.revision(p.options, spec) - 1 for p in options.every)",
        "return 1",
        (
            "tests/objectives/test_distill.py::test_only_numbers_that_a_mended_start_moved_get_new_ids",
        ),
    ),
    Bug(
        "relations_of_nothing",
        "Relations are planned for a backbone that has no attention.",
        "mae_bench/objectives/distill.py",
        "not architecture_of(spec).projections:",
        "not architecture_of(spec).summary:",
        (
            "tests/objectives/test_distill.py::test_relations_of_an_arch_without_attention_are_refused_at_the_plan",
        ),
    ),
    Bug(
        "unreached_attention",
        "A dropout that is set later does not reach attention that holds its ratio as a number.",
        "mae_bench/model/dropouts.py",
        'if "dropout" in name and type(value) in (int, float):',
        'if name == "p" and type(value) in (int, float):',
        ("tests/model/test_dropouts.py::test_no_number_of_the_built_ratio_is_left", CONTRACT),
    ),
    Bug(
        "no_late_dropout",
        "A dropout that an encoder was built without cannot be raised later.",
        "mae_bench/model/backbone.py",
        "        allow_dropout(encoder)\n",
        "",
        ("tests/model/test_dropouts.py::test_setting_it_is_building_with_it",),
    ),
)

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
)

"""Bugs in the kinds of task, and in what asks them."""

from bugs import Bug

OUTSIDE = "tests/protocols/test_outside_kind.py"
CONTRACT = "tests/contract/test_kinds_contract.py"
BUGS = (
    Bug(
        "kind_without_version",
        "The version of another package's kind is in no id, so that old labels are used again.",
        "mae_bench/tasks/prepared.py",
        "[KINDS.plugin(task.kind), *map(METRICS.plugin, task.metrics)]",
        "map(METRICS.plugin, task.metrics)",
        (f"{OUTSIDE}::test_its_version_is_in_the_ids_of_what_it_reads",),
    ),
    Bug(
        "every_kind_fits",
        "A protocol is planned on tasks of which it cannot read the labels.",
        "mae_bench/protocols/base.py",
        "return issubclass(KINDS.get(kind), self.kinds)",
        "return bool(KINDS.get(kind))",
        (f"{OUTSIDE}::test_a_protocol_that_cannot_read_the_kind_is_refused_with_those_that_can",),
    ),
    Bug(
        "tokens_out_of_place",
        "Outputs of a batch's tokens stand where those of the longest text end.",
        "mae_bench/protocols/finetuner.py",
        "outputs[on_device, : batch.shape[1]] = batch",
        "outputs[on_device, -batch.shape[1] :] = batch",
        (f"{OUTSIDE}::test_outputs_of_tokens_do_not_depend_on_the_batch",),
    ),
    Bug(
        "floor_of_the_test_labels",
        "The majority floor takes the commonest label of the very examples that it predicts.",
        "mae_bench/protocols/floors.py",
        "return kind.floor(splits.train, examples)",
        "return kind.floor(examples, examples)",
        ("tests/protocols/test_floors.py::test_majority_is_that_of_the_training_subset",),
    ),
    Bug(
        "collapse_unseen",
        "Predictions that are all the same are no collapse.",
        "mae_bench/tasks/kinds/base.py",
        "_are_the_same(predictions) and not _are_the_same(labels)",
        "_are_the_same(predictions) and _are_the_same(labels)",
        (f"{CONTRACT}::test_a_collapse_is_what_follows_no_text",),
    ),
    Bug(
        "numbers_without_their_mean",
        "Predicted numbers lack the mean of the training labels.",
        "mae_bench/tasks/kinds/regress.py",
        "* self.scale + self.mean",
        "* self.scale",
        (f"{CONTRACT}::test_what_the_loss_asks_for_is_decoded_to_the_labels",),
    ),
    Bug(
        "constant_of_the_commonest",
        "A fine-tune is compared with the surprise of a class over that of the commonest.",
        "mae_bench/tasks/kinds/classify.py",
        "-np.log(counts / len(train))[class_index]",
        "-np.log(counts / counts.max())[class_index]",
        (f"{CONTRACT}::test_the_loss_of_a_constant_is_that_of_the_best_one",),
    ),
    Bug(
        "classes_drawn_blindly",
        "A small training set may lack whole classes.",
        "mae_bench/protocols/splits.py",
        "groups = kind_of(self.task).groups(data.train.labels)",
        "groups = None",
        (f"{CONTRACT}::test_a_small_training_set_holds_every_class_twice",),
    ),
)

"""Bugs of recorded steps, micro-batches and Muon; joined to the list of `bugs.py`."""

from bugs import Bug

CONTRACT = "tests/contract/test_recorded_steps.py"
STEP = "tests/pretraining/test_recorded_step.py"
BUGS = (
    Bug(
        "host_epoch",
        "A recorded step draws the masks and rows of the step that was recorded for ever.",
        "mae_bench/pretraining/recorded.py",
        "epoch, index = step.batches.counted(self.number)",
        "epoch, index = step.batches.at(int(self.number))",
        (f"{STEP}::test_a_recorded_training_has_the_losses_of_single_steps",),
    ),
    Bug(
        "filling_is_predicted",
        "Where shapes are fixed, the padding that fills a short row's list is predicted, too.",
        "mae_bench/objectives/targets.py",
        "ids = ids.masked_fill(~view.is_target, IGNORED)",
        "ids = ids.masked_fill(~view.is_target, 0)",
        (f"{CONTRACT}::test_a_step_of_one_shape_is_the_eager_step",),
    ),
    Bug(
        "waiting_sets",
        "Sets of targets are dealt on the host and copied to the device in every step.",
        "mae_bench/masking/target_sets.py",
        "torch.arange(i, count, num_sets, device=device)",
        "torch.arange(i, count, num_sets)",
        (f"{CONTRACT}::test_a_step_stays_on_its_device_and_shapes_follow_no_value",),
    ),
    Bug(
        "equal_micro_batches",
        "Micro-batches count alike, however many tokens each predicts.",
        "mae_bench/pretraining/step.py",
        "weighed = output.loss * output.predicted",
        "weighed = output.loss * (total + output.predicted)",
        (f"{STEP}::test_out_of_memory_halves_the_micro_batch_and_nothing_else",),
    ),
    Bug(
        "muon_on_tables",
        "Muon takes the output embedding, which has a row for each token.",
        "mae_bench/training/muon.py",
        "and id(p) not in tables and len(p) != vocab_size",
        "and id(p) not in tables",
        ("tests/training/test_muon.py::test_matrices_of_layers_are_muons_and_all_else_is_adamws",),
    ),
)

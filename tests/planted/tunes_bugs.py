"""Bugs of fine-tunes that are trained as one program; joined to the list of `bugs.py`."""

from bugs import Bug

TESTS = "tests/protocols/test_finetunes_together.py"
ALONE = f"{TESTS}::test_each_ends_as_it_does_alone"
TOGETHER = "mae_bench/protocols/finetunes_together.py"
STACK = "mae_bench/protocols/stacked_models.py"
BUGS = (
    Bug(
        "one_rate_for_all",
        "All models are trained at the first one's learning rate.",
        TOGETHER,
        "torch.tensor([[rate] for _, rate in self.tries], device=self.device)",
        "torch.tensor([[self.tries[0][1]] for _ in self.tries], device=self.device)",
        (ALONE,),
    ),
    Bug(
        "clip_across_finetunes",
        "The gradients of all models are shortened by their common norm.",
        STACK,
        "norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)",
        "norms = torch.linalg.vector_norm(gradient)",
        (ALONE,),
    ),
    Bug(
        "weights_of_the_first_rate",
        "The test split is read by the model of the first rate, whichever was best.",
        STACK,
        "parts = self.flat[index].split(self.sizes)[:-1]",
        "parts = self.flat[0].split(self.sizes)[:-1]",
        (ALONE,),
    ),
    Bug(
        "selection_of_another",
        "Each rate is judged by the selection outputs of the one before it.",
        TOGETHER,
        "finetune.add(rate, outputs[index])",
        "finetune.add(rate, outputs[index - 1])",
        (ALONE,),
    ),
    Bug(
        "dropout_of_the_first_seed",
        "All seeds have the dropout of the first one.",
        TOGETHER,
        "DropoutStream(f.name, f.spec.seed, self.device)",
        "DropoutStream(f.name, self.first.spec.seed, self.device)",
        (ALONE,),
    ),
    Bug(
        "padded_rows_learned",
        "Rows that only fill a batch up to another seed's are learned from, too.",
        "mae_bench/protocols/stacked_step.py",
        "return outputs[(slice(None), slice(rows), *map(slice, widths))]",
        "return outputs[(slice(None), slice(None), *map(slice, widths))]",
        (ALONE,),
    ),
    Bug(
        "steps_counted_on_the_host",
        "A recorded step of several fine-tunes corrects its means as the recorded one did.",
        "mae_bench/training/stacked_adamw.py",
        "(1 - beta2**self.num_steps)",
        "(1 - beta2 ** float(self.num_steps))",
        (f"{TESTS}::test_recorded_steps_are_single_ones",),
    ),
)

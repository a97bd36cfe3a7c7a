"""Bugs of seeds that are trained as one program; joined to the list of `bugs.py`."""

from bugs import Bug

ALONE = "tests/contract/test_batched_seeds.py::test_seeds_together_learn_what_each_learns_alone"
GOES_ON = "tests/pretraining/test_together.py::test_a_group_that_was_cut_short_goes_on_bit_for_bit"
STEP = "mae_bench/pretraining/seeds_step.py"
BUGS = (
    Bug(
        "clip_across_seeds",
        "The gradients of all seeds are shortened by their common norm.",
        STEP,
        "total = torch.linalg.vector_norm(norms, dim=0)",
        "total = torch.linalg.vector_norm(norms).expand(norms.shape[1])",
        (ALONE,),
    ),
    Bug(
        "masks_of_the_first_seed",
        "All seeds hide the tokens that the first one hides.",
        STEP,
        "draws = Draws(run.spec.seed, epoch, rows, progress)",
        "draws = Draws(self.seed, epoch, rows, progress)",
        (ALONE,),
    ),
    Bug(
        "order_of_the_first_seed",
        "All seeds read their rows in the order of the first one.",
        STEP,
        "np.stack([order.of_epoch(epoch) for order in self.orders])",
        "np.stack([self.orders[0].of_epoch(epoch) for _ in self.orders])",
        (ALONE,),
    ),
    Bug(
        "checkpoint_of_the_first_seed",
        "The weights of the first seed are saved as those of every seed.",
        "mae_bench/pretraining/stacked.py",
        "value.data = part",
        "value.data = values[0]",
        (ALONE,),
    ),
    Bug(
        "moments_of_the_first_seed",
        "A seed that goes on has the moments of the first one.",
        STEP,
        'key: value if key == "step" else value[index]',
        'key: value if key == "step" else value[0]',
        (GOES_ON,),
    ),
    Bug(
        "padding_is_trained",
        "The vector of padding learns in every seed but the first, where torch keeps it as it is.",
        "mae_bench/model/stackable.py",
        "return torch.where((args[0] == token)[..., None], vectors.detach(), vectors)",
        "return vectors",
        (ALONE,),
    ),
)

"""How many steps of a fine-tune a number of FLOPs buys, on the very batches that it will read."""

import sys
from typing import TYPE_CHECKING

from mae_bench.costs import training_passes
from mae_bench.errors import SpecError
from mae_bench.training.batching import TokenSet, training_batches

if TYPE_CHECKING:
    from mae_bench.protocols.finetuner import Finetuner


def buy_steps(tuner: "Finetuner", texts: TokenSet, flops: float | None) -> float | None:
    """Set the steps of a training so that it takes at most ``flops``, and less than a step fewer.

    What the head's own steps took before is paid first. Schedules span the steps that there are.

    Args:
        tuner: before its first training.
        texts: to train on; their order, and so the cost of each step, follows from the seed.
        flops: what one training may take; None leaves the steps to the recipe.

    Returns:
        What one training takes, with the head's own steps; None without ``flops``.

    Raises:
        SpecError: they do not buy one step, or what a step costs is unknown.
    """
    if flops is None:
        return None
    recipe, operations = tuner.recipe, tuner.operations
    batches = training_batches(
        texts.lengths,
        batch_size=recipe.batch_size,
        bucket_batches=recipe.bucket_batches,
        steps=sys.maxsize,
        task=tuner.task,
        seed=tuner.seed,
    )
    passes, steps = training_passes(recipe), 0
    spent = paid = operations.total or 0.0
    for index in batches:
        ids, _, _ = texts.batch(index)
        price = operations.price(texts.read_shape(index, ids.shape), passes)
        if price is None:
            raise SpecError(
                "budget_split needs to know what a step of the fine-tune costs, which is unknown "
                "for this encoder's architecture; leave budget_split out"
            )
        if spent + price > flops:
            break
        steps, spent = steps + 1, spent + price
    if not steps:
        before = f", beside {paid:.3g} for the head's own steps" if paid else ""
        raise SpecError(
            f"budget_split leaves {flops:.3g} FLOPs for a fine-tune, which do not buy its first "
            f"step, of {price:.3g}{before}; raise budget_split.flops, lower pretrain_ratios, or "
            "lower finetune.batch_size"
        )
    tuner.bought_steps = steps
    return spent

"""Named random streams, each derived from declared axes only.

Two arms of a study are paired because no stream can depend on the objective: a stream
lists the axes that may move it, and any other axis is an error. The idea of declaring the
axes of randomness is benchopt's (`get_seed`).
"""

import hashlib
import json

STREAMS: dict[str, tuple[str, ...]] = {
    "init": ("seed",),  # backbone weights
    "head": ("seed", "part"),  # decoder, vocabulary head or task head, by name of the part
    "order": ("seed", "epoch"),  # order of pretraining rows
    "mask": ("seed", "draw"),  # key of the counter-based draws, by name of the draw
    "dropout": ("seed", "step"),  # global generator at a pretraining step
    "subset": ("task", "seed"),  # which training examples
    "noise": ("task", "split", "seed"),  # typos, example by example
    "label_noise": ("task", "split", "seed"),  # classes that labels get, example by example
    "few_shot": ("task", "seed", "draw"),  # which examples of each class a draw holds
    "finetune_order": ("task", "seed", "epoch"),
    "finetune_dropout": ("task", "seed"),
    "new_weights": ("seed", "part"),  # reinitialised layers and LoRA's updates, in a fine-tune
    "evaluation": ("seed", "finetune_seed"),  # seed of a further fine-tune of a checkpoint
    "world": ("split", "part"),  # the generated language; the same for every seed
    "corpus": ("seed",),  # permutation of documents and validation split
    "tuning": ("seed", "trial"),  # sampler of one trial; the same for every arm
}


def seed_for(stream: str, **axes: int | str) -> int:
    """Return a 63-bit seed for a stream at the given values of its axes.

    Raises:
        ValueError: the stream is unknown, or the axes are not exactly its declared ones.
            Both are bugs of the caller, never of a user.
    """
    if stream not in STREAMS:
        raise ValueError(f"unknown random stream '{stream}'; declared: {', '.join(STREAMS)}")
    if set(axes) != set(STREAMS[stream]):
        raise ValueError(
            f"stream '{stream}' is declared over {STREAMS[stream]}, got {tuple(axes)}; "
            "declare the axis in seeding.STREAMS if it may move this randomness"
        )
    text = json.dumps([stream, sorted(axes.items())], separators=(",", ":"))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def evaluation_seed(seed: int, finetune_seed: int) -> int:
    """Return the seed of an evaluation's streams: labels, order, head, dropout, noise.

    Args:
        seed: of the study, which is that of the pretraining.
        finetune_seed: which evaluation of the checkpoint; 0 has the seed of the study itself.
    """
    if finetune_seed == 0:
        return seed
    return seed_for("evaluation", seed=seed, finetune_seed=finetune_seed)

"""What a fine-tune would gain if its encoder read no padding: no part of the package does so.

    python benchmarks/speed/unpadding.py [--preset tiny] [--precision fp32] [--steps 30]

Batches as `finetune` makes them. Either the encoder reads [B, S] with padding, as it does, or all
real tokens as one row, with attention alone in the padded shape. The two take turns on the same
batches; CPU seconds of one thread. Needs transformers 5.17.
"""

import argparse
import time

import numpy as np
import torch
from finetuning import BATCH, LENGTH, VOCAB, texts
from transformers import AttentionInterface
from transformers.models.modernbert.modeling_modernbert import eager_attention_forward

from mae_bench.model.attention_mask import UNSEEN
from mae_bench.model.backbone import build_backbone
from mae_bench.model.heads import pool
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.specs import BackboneSpec, FinetuneRecipe
from mae_bench.training.batching import TokenSet, epoch_batches
from mae_bench.training.optim import make_optimizer
from mae_bench.training.precision import autocast

WARM_UP = 5


class Unpadded:
    """Reads the real tokens of a batch as one row."""

    def __init__(self, encoder):
        self.encoder = encoder
        AttentionInterface.register("unpadded", self.attention)

    def __call__(self, ids, is_pad):
        """Return [B, S, D], 0 at padding."""
        self.shape, self.real = ids.shape, (~is_pad).flatten().nonzero()[:, 0]
        self.mask = torch.where(is_pad, UNSEEN, 0.0)[:, None, None]
        self.encoder.set_attn_implementation("unpadded")
        hidden = self.encoder(
            input_ids=ids.flatten()[self.real][None],
            position_ids=(self.real % ids.shape[1])[None],
        ).last_hidden_state[0]
        return self.spread(hidden).unflatten(0, ids.shape)

    def attention(self, module, query, key, value, _, scaling, dropout=0.0, **__):
        """Attend in the padded shape; [1, heads, T, size] in, [1, T, heads, size] out."""
        given = (self.spread(part[0].transpose(0, 1)) for part in (query, key, value))
        given = [part.unflatten(0, self.shape).transpose(1, 2) for part in given]
        read, _ = eager_attention_forward(module, *given, self.mask, scaling, dropout)
        return read.flatten(0, 1).index_select(0, self.real)[None], None

    def spread(self, values):
        """Return [B * S, ...] of the values [T, ...] of real tokens, 0 elsewhere."""
        empty = values.new_zeros(self.shape.numel(), *values.shape[1:])
        return empty.index_copy(0, self.real, values)


def main() -> None:
    """Print milliseconds a step with padding and without."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    recipe = FinetuneRecipe()
    backbone = build_backbone(BackboneSpec(preset=arguments.preset, max_length=LENGTH), VOCAB, 0)
    backbone.encoder.set_attn_implementation("eager")
    optimizer = make_optimizer(backbone.named_parameters(), lr=1e-4, weight_decay=0.01)
    unpadded = Unpadded(backbone.encoder)
    rows = TokenSet.of(
        texts((arguments.steps + WARM_UP) * BATCH), pad_id=0, vocab_size=VOCAB, device="cpu"
    )
    random = np.random.default_rng(0)
    seconds, losses = {"padded": 0.0, "unpadded": 0.0}, {}
    batches = epoch_batches(rows.lengths, BATCH, recipe.bucket_batches, random)
    for number, index in enumerate(batches):
        ids, is_pad, _ = rows.batch(index)
        if is_pad is None:
            continue
        for way in seconds:
            started = time.process_time()
            with autocast("cpu", arguments.precision):
                if way == "padded":
                    backbone.encoder.set_attn_implementation("eager")
                    hidden = backbone(ids, None, is_pad)
                else:
                    hidden = unpadded(ids, is_pad)
            loss = pool(hidden, is_pad, "mean").square().mean()
            optimizer.zero_grad()
            loss.backward()
            losses[way] = float(loss.detach())
            seconds[way] += (time.process_time() - started) * (number >= WARM_UP)
        optimizer.step()  # one for both, not timed, so that both read the same weights
        assert abs(losses["padded"] - losses["unpadded"]) < 1e-2 * losses["padded"], losses
    for way, spent in seconds.items():
        gain = seconds["padded"] / spent
        print(f"{way:>9} {spent / arguments.steps * 1e3:8.1f} ms a step {gain:6.2f}")


if __name__ == "__main__":
    main()

"""A training step under each attention kernel, for the choice in `mae_bench/model/attention.py`.

    python benchmarks/speed/attention.py [--device cpu]

Preset `tiny`, 32 rows, forward and backward of an MLM; kernels take turns, the best time counts.
"""

import argparse
import time

import torch

from mae_bench.draws import Draws
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.runner.memory import keep_freed_memory
from mae_bench.specs import BackboneSpec
from mae_bench.training.precision import autocast

ROWS, VOCAB, STEPS, TURNS = 32, 2048, 20, 3


def main() -> None:
    """Print milliseconds a step by row length, precision and kernel."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    device = parser.parse_args().device
    keep_freed_memory()
    torch.set_num_threads(1)
    spec = BackboneSpec(max_length=256)
    kind, options = OBJECTIVES.get("mlm"), parse_options("mlm", {})
    objective = kind(build_backbone(spec, VOCAB, 0), spec, options, seed=0).to(device).train()
    print(f"{'row':>4} {'precision':>9} {'sdpa ms':>8} {'eager ms':>9} {'ratio':>6}")
    for length in (16, 32, 64, 128, 256):
        ids = torch.randint(5, VOCAB, (ROWS, length), device=device)
        view = objective.corrupt(Block(ids), Draws(0, 0, torch.arange(ROWS, device=device)))
        for precision in ("fp32", "bf16"):
            best = {"sdpa": float("inf"), "eager": float("inf")}
            for _ in range(TURNS):
                for kernel in best:
                    objective.backbone.encoder.set_attn_implementation(kernel)
                    started = time.perf_counter()
                    for _ in range(STEPS):
                        with autocast(device, precision):
                            loss = objective(view).loss
                        loss.backward()
                        objective.zero_grad()
                    if device.startswith("cuda"):
                        torch.cuda.synchronize()
                    best[kernel] = min(best[kernel], (time.perf_counter() - started) / STEPS * 1e3)
            ratio = best["sdpa"] / best["eager"]
            print(
                f"{length:>4} {precision:>9} {best['sdpa']:>8.1f} {best['eager']:>9.1f} "
                f"{ratio:>6.2f}"
            )


if __name__ == "__main__":
    main()

"""Model FLOPs of a training step over the rate at which the machine multiplies matrices.

    python benchmarks/speed/utilisation.py [--device cuda] [--presets base compact]

The rate is that of two 8192x8192 matrices in bf16 on a GPU; on a CPU, of 1024x1024 in the
precision of the training, by one thread and the clock of the process. FLOPs are those of the cost
formula (matrix products alone), so nothing that is computed twice or thrown away counts.
"""

import argparse
import time

import torch
from compiling import stepper_of
from json_results import add_json_flag, write_json
from timed_steps import flops_of, full_rows, seconds_in_turns

from mae_bench.runner.memory import keep_freed_memory
from mae_bench.training.precision import resolve_precision

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
SHAPES = {"cpu": (16, 128, 1024), "cuda": (256, 128, 8192)}  # rows, length, side of a matrix
REPEATS = 20


def matmul_rate(side: int, device: str, dtype: torch.dtype) -> float:
    """Return operations a second of the product of two square matrices, the best of many."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    clock = time.process_time if device == "cpu" else time.perf_counter
    best = float("inf")
    for _ in range(REPEATS):
        if device != "cpu":
            torch.cuda.synchronize()
        started = clock()
        a @ b
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, clock() - started)
    return 2 * side**3 / best


def main() -> None:
    """Print a line for each preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=SHAPES)
    parser.add_argument("--presets", nargs="+", default=["base", "compact"])
    parser.add_argument("--compile", default="auto")
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--rows", type=int, help="of a step")
    parser.add_argument("--steps", type=int, default=10)
    add_json_flag(parser)
    asked = parser.parse_args()
    keep_freed_memory()
    if asked.device == "cpu":
        torch.set_num_threads(1)
    rows, length, side = SHAPES[asked.device]
    rows = asked.rows or rows
    precision = resolve_precision("auto", asked.device)
    rate = matmul_rate(side, asked.device, DTYPES[precision])
    data = full_rows(2 * rows, length, asked.vocab_size)
    print(f"{side}x{side} in {precision}: {rate / 1e12:.2f} TFLOP/s")
    print(f"{'preset':>8}{'ms a step':>11}{'TFLOP/s':>9}{'of the rate':>13}  ran as")
    seen = {}
    for preset in asked.presets:
        stepper = stepper_of(
            "mlm", preset, asked.device, asked.compile,
            data=data, precision=precision, batch_rows=rows,
        )  # fmt: skip
        took = seconds_in_turns({preset: stepper}, asked.device, 3, asked.steps)[preset]
        speed = flops_of("mlm", {}, preset, data, rows).total / took
        print(
            f"{preset:>8}{1e3 * took:>11.1f}{speed / 1e12:>9.2f}{speed / rate:>13.1%}  "
            f"{stepper.how}",
            flush=True,
        )
        seen[preset] = {"step_s": took, "flops_per_s": speed, "utilisation_ratio": speed / rate}
        seen[preset] |= {"ran_as": stepper.how}
        del stepper
    write_json(asked.json, {"precision": precision, "matmul_flops_per_s": rate, "presets": seen})


if __name__ == "__main__":
    main()

"""Contestants that take turns, each in a process of its own, and the table of their ratios."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable

WARM_UP_SHARE = 0.25
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class StepClock:
    """Reads a clock after every step of any torch optimizer in this process.

    CPU seconds are those of all threads: with one thread, what an idle core would take.
    """

    def __init__(self, clock: str):
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self.times = []
        read = CLOCKS[clock]
        register_optimizer_step_post_hook(lambda *_: self.times.append(read()))

    def seconds_per_step(self) -> float:
        """Return the mean over the steps after a quarter, which warm up."""
        times = self.times[int(len(self.times) * WARM_UP_SHARE) :]
        return (times[-1] - times[0]) / (len(times) - 1)


def options(description: str, steps: int) -> argparse.ArgumentParser:
    """Return a parser of what every contest asks."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--only", help="contestants whose name holds this text")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser


def hold(
    script: str,
    arguments: argparse.Namespace,
    contestants: dict[str, tuple],
    run: Callable[..., float],
    unit: str,
) -> None:
    """Run the contestants in turns; print the best of each and its ratio to the first.

    Args:
        script: path of the benchmark, called again for each turn.
        arguments: of `options`.
        contestants: name -> arguments of ``run``.
        run: returns a speed; it is called in a process of its own.
        unit: of that speed.
    """
    if arguments.one:
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
        print(f"speed {run(*contestants[arguments.one]):.1f}")
        return
    wanted = [name for name in contestants if (arguments.only or "") in name]
    best = dict.fromkeys(wanted, 0.0)
    flags = ["--steps", arguments.steps, "--threads", arguments.threads, "--clock", arguments.clock]
    for _ in range(arguments.repeats):
        for name in wanted:
            command = [sys.executable, script, *map(str, flags), "--one", name]
            output = subprocess.run(command, capture_output=True, text=True, check=False)
            if output.returncode:
                sys.exit(f"{name} failed:\n{output.stderr}")
            best[name] = max(best[name], float(output.stdout.split("speed ")[-1]))
    first = best[wanted[0]]
    seconds = "CPU s" if arguments.clock == "cpu" else "s"
    print(f"{'contestant':34}{unit + ' / ' + seconds:>16}{'x first':>10}")
    for name, speed in best.items():
        print(f"{name:34}{speed:>16,.0f}{speed / first:>10.2f}")

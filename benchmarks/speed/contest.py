"""Contestants that take turns, each in a process of its own, and the table of their ratios."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable

from json_results import add_json_flag, write_json

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


def main(
    script: str,
    description: str,
    contestants: dict[str, tuple[str, str, str]],
    sides: dict[str, Callable[[str, str, int, str], None]],
    unit: str,
    per_step: int,
    steps: int,
) -> None:
    """Run the contestants in turns; print the best of each and its ratio to the first.

    Args:
        script: path of the benchmark, called again for each turn.
        description: of the benchmark.
        contestants: name -> side, setting and precision. All but the setting `default` get
            malloc as this package sets it.
        sides: side -> what trains, given setting, precision, steps and preset of the encoder.
        unit: of speed.
        per_step: how many of the unit a step takes.
        steps: unless others are asked for.
    """
    arguments = _options(description, contestants, steps).parse_args()
    if arguments.one:
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
        side, setting, precision = contestants[arguments.one]
        speed = per_step / _seconds(sides[side], setting, precision, arguments)
        print(f"speed {speed:.1f}")
        return
    _hold(script, arguments, list(contestants), unit)


def _options(description: str, contestants: Iterable[str], steps: int) -> argparse.ArgumentParser:
    """Return a parser of what every contest asks."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--preset", default="cpu", help="of the encoder: its layers and width")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--only", nargs="+", help="contestants whose name holds one of these")
    parser.add_argument("--one", choices=contestants, help=argparse.SUPPRESS)
    add_json_flag(parser)
    return parser


def _seconds(
    train: Callable[[str, str, int, str], None],
    setting: str,
    precision: str,
    arguments: argparse.Namespace,
) -> float:
    """Return the seconds of a step of one contestant, which trains in this process."""
    if setting != "default":
        from mae_bench.runner.memory import keep_freed_memory

        keep_freed_memory()  # before torch is imported
    import torch

    torch.set_num_threads(arguments.threads)
    clock = StepClock(arguments.clock)
    train(setting, precision, arguments.steps, arguments.preset)
    return clock.seconds_per_step()


def _hold(script: str, arguments: argparse.Namespace, contestants: list[str], unit: str) -> None:
    """Call the benchmark again for each contestant in turn, and print the table."""
    texts = arguments.only or [""]
    wanted = [name for name in contestants if any(text in name for text in texts)]
    best = dict.fromkeys(wanted, 0.0)
    names = ("steps", "threads", "clock", "preset")
    flags = [part for name in names for part in (f"--{name}", getattr(arguments, name))]
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
    settings = {name: getattr(arguments, name) for name in (*names, "repeats")}
    write_json(arguments.json, {"unit": unit, **settings, "speeds": best})

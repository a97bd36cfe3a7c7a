"""The contest of the speed benchmarks: its processes, its clock and its table."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "speed"
SCRIPT = """
import sys
import time

sys.path.insert(0, {folder!r})
from contest import main


def train(seconds):
    def run(setting, precision, steps, preset):
        import torch

        assert torch.get_num_threads() == 1 and (precision, preset) == ("fp32", "cpu")
        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.SGD([weight], lr=0.1)
        for _ in range(steps):
            weight.sum().backward()
            time.sleep(seconds)
            optimizer.step()

    return run


if __name__ == "__main__":
    contestants = {{
        "slow one": ("slow", "default", "fp32"),
        "fast one": ("fast", "tuned", "fp32"),
        "left out": ("none", "default", "fp32"),
    }}
    sides = {{"slow": train(0.05), "fast": train(0.0)}}
    main(__file__, __doc__, contestants, sides, "rows", 32, steps=6)
"""


@pytest.mark.slow
def test_contestants_take_turns_in_processes_of_their_own(tmp_path):
    script = tmp_path / "speed.py"
    script.write_text(SCRIPT.format(folder=str(FOLDER)))
    command = [sys.executable, script, "--repeats", "1", "--threads", "1", "--only", "one"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    heading, slow, fast = done.stdout.splitlines()
    assert heading.split() == ["contestant", "rows", "/", "s", "x", "first"]
    assert slow.split()[:2] == ["slow", "one"] and slow.split()[-1] == "1.00"
    # a step that sleeps 50 ms takes at least that, however busy the machine is
    assert 0 < float(slow.split()[2].replace(",", "")) <= 32 / 0.05
    assert fast.split()[:2] == ["fast", "one"]

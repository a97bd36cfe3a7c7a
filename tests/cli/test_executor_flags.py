"""The flags that say where a study runs: each wrong use is one sentence, and nothing is written."""

import pytest

from mae_bench.cli import main
from mae_bench.cli.options import Flags
from mae_bench.errors import SpecError

REFUSED = {
    "address without ray": (
        ["--ray-address", "auto"],
        "--ray-address is for --executor ray, and the executor is 'local'",
    ),
    "option without value": (
        ["--executor", "slurm", "--executor-option", "partition"],
        "--executor-option takes NAME=VALUE, got 'partition'",
    ),
    "option of local": (
        ["--executor-option", "partition=gpu"],
        "executor 'local' takes no options, got 'partition'",
    ),
    "shard": (["--shard", "3/2"], "--shard must be two whole numbers i/n with i from 1 to n"),
    "tracker": (["--track", "tensorbord"], "Did you mean 'tensorboard'?"),
    "executor": (["--executor", "slrum"], "unknown executor 'slrum'; known: local, ray, slurm"),
}


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        ({"executor": "slurm"}, "--executor slurm"),
        ({"executor_options": ["partition=gpu", "nodes=2"]}, "--executor-option partition=gpu nod"),
        ({"executor": "local", "ray_address": "auto"}, "--ray-address auto"),
    ],
)
def test_torchrun_refuses_flags_of_what_starts_workers(flags, refused, monkeypatch):
    for name, value in (("WORLD_SIZE", "2"), ("TORCHELASTIC_RUN_ID", "of a test")):
        monkeypatch.setenv(name, value)
    with pytest.raises(SpecError, match=f"torchrun has started the workers, got {refused}"):
        Flags(**flags).check()


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("verb", ["plan", "run"])
def test_it_is_refused_before_anything_runs(capsys, tmp_path, case, verb):
    flags, sentence = REFUSED[case]
    with pytest.raises(SystemExit) as ended:
        main([verb, "quickstart", "--home", str(tmp_path / "home"), *flags])
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert line.startswith("error: ") and sentence in line
    assert not (tmp_path / "home").exists()

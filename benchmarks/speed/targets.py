"""The table of speed targets: each line measured by one command, in turn, and kept as it ends.

    python benchmarks/speed/targets.py --out reports/speed --long       (all that this machine can)
    python benchmarks/speed/targets.py --only overhead utilisation-base --device cuda
    python benchmarks/speed/targets.py --print --out reports/speed      (measures nothing)

With `--device cuda` the lines that need a card are measured, else the others. Results go to
``targets.json`` in ``--out``, which keeps lines of earlier calls; ``targets.md`` is the table.
`--clock cpu` counts seconds of CPU of one thread, for a machine that others share; the clock of a
GPU is always the wall's. The exit code is 1 if a line failed or its bound is broken.
"""

import argparse
import json
import sys
from pathlib import Path

import readings as read
from measuring import Commands, Target, measure, table

BEST_TRAINER = "the best setting of Hugging Face `Trainer`"
CPU_PRESETS, CARD_PRESETS = ("cpu", "tiny", "small"), {"compact": 4.0, "base": 1.5}
UTILISATION = {"base": 0.45, "compact": 0.25}
WHOLE_MINUTES = {"gpu10": 10.0, "gpu": 30.0}


def targets(asked: argparse.Namespace) -> list[Target]:
    """Return every line of the table, its commands as they are asked for."""
    device = ["--device", asked.device]
    clock = ["--repeats", str(asked.repeats), "--clock", asked.clock]
    clock += ["--threads", "1"] if asked.clock == "cpu" else []
    contest = ["--seeds", "10", *device]
    seeds = ["--seeds", "10", "--objectives", "mlm", "--precisions", "bf16", *device]
    lines = [
        Target(
            f"pretraining-{preset}", f"MLM pretraining on a CPU, `{preset}`", BEST_TRAINER,
            1.5, True, "x",
            ["pretraining.py", "--preset", preset, "--only", "mlm", *clock],
            read.pretraining_ratio,
        )
        for preset in CPU_PRESETS
    ]  # fmt: skip
    lines.append(
        Target(
            "ten-seeds", "ten seeds of `tiny` on one GPU", "the time of one seed",
            2.5, False, "x",
            ["batched_seeds.py", "--presets", "tiny", *seeds],
            read.seeds_to_one, needs_card=True,
        )
    )  # fmt: skip
    lines += [
        Target(
            f"utilisation-{preset}", f"model FLOPs of one training, `{preset}`",
            "the card's measured 8192³ bf16 rate", bound, True, "%",
            ["utilisation.py", "--presets", preset, *device],
            read.utilisation(preset), needs_card=True,
        )
        for preset, bound in UTILISATION.items()
    ]  # fmt: skip
    lines += [
        Target(
            "mae-and-mlm", "time of MAE 50%, one decoder layer, over that of MLM 15%, on a GPU",
            "their ratio of FLOPs, wherever the head is under a third", 1.1, False, "x",
            ["mae_and_mlm.py", *device],
            read.worst_over_flops, needs_card=True,
        ),
        Target(
            "finetuning", "seeds x rates of one fine-tune cell on a GPU",
            "one after another through `Trainer`", 8.0, True, "x",
            ["batched_finetunes.py", "--seeds", "10", "--trainer", *device],
            read.finetunes_ratio, needs_card=True,
        ),
        Target(
            "overhead", "runner's overhead, 200 small cells", "the trainings' own time",
            0.05, False, "%",
            ["overhead.py"], read.overhead,
        ),
    ]  # fmt: skip
    lines.append(
        Target(
            "card-tiny-10-seeds", "MLM pretraining on a GPU, ten seeds of `tiny` at once",
            BEST_TRAINER, 20.0, True, "x",
            ["card_contest.py", "--presets", "tiny", *contest],
            read.card_ratio("tiny", "10 seeds"), needs_card=True,
        )
    )  # fmt: skip
    lines += [
        Target(
            f"card-{preset}", f"MLM pretraining on a GPU, `{preset}`", BEST_TRAINER,
            bound, True, "x",
            ["card_contest.py", "--presets", preset, "--seeds", "1", *device],
            read.card_ratio(preset, "one seed"), needs_card=True,
        )
        for preset, bound in CARD_PRESETS.items()
    ]  # fmt: skip
    lines += [
        Target(
            f"first-fight-{scale}", f"`first_fight --scale {scale}`, whole, from prepared data",
            "the clock", bound, False, "minutes",
            [
                "whole_study.py", "first_fight", "--scale", scale, "--home", str(asked.home),
                "--workers", str(asked.workers), *device,
            ],
            read.minutes, needs_card=True, is_long=True,
        )
        for scale, bound in WHOLE_MINUTES.items()
    ]  # fmt: skip
    tokenising = ["tokenising.py", "--mb", "1000"]
    return [
        *lines,
        Target(
            "tokenising", "tokenising 1 GB of text", "`datasets.map`, same tokenizer and cores",
            1.0, True, "x",
            tokenising, read.tokenising_speed, is_long=True,
        ),
        Target(
            "tokenising-memory", "memory of tokenising 1 GB of text", "", 2.0, False, "GB",
            tokenising, read.tokenising_memory, is_long=True,
        ),
        Target(
            "growth", "cost growth: tokens and length of rows", "a straight line",
            None, True, "points",
            ["growth.py"], read.num_points, is_long=True,
        ),
        Target(
            "estimates", "`plan` of studies over a minute, on a CPU", "what the run takes of CPU",
            0.25, False, "%",
            ["estimates.py", "--device", "cpu"], read.worst_estimate,
            is_long=True,
        ),
        Target(
            "estimates-card", "`plan` of studies over a minute, on a GPU", "what the run takes",
            0.25, False, "%",
            ["estimates.py", "--device", "cuda"], read.worst_wall_estimate,
            needs_card=True, is_long=True,
        ),
    ]  # fmt: skip


def main() -> None:
    """Measure what is asked for; print the table of all that is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="folder of targets.json and targets.md")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="lines, by name")
    parser.add_argument("--long", action="store_true", help="lines of many minutes, too")
    parser.add_argument("--print", action="store_true", help="measure nothing")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    parser.add_argument("--repeats", type=int, default=3, help="of each contestant")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="for all together")
    parser.add_argument(
        "--take",
        nargs=2,
        action="append",
        metavar=("NAME", "JSON"),
        help="a line whose script was called before, with --json",
    )
    parser.add_argument(
        "--home", type=Path, default=Path("home"), help="prepared, for whole studies"
    )
    parser.add_argument("--workers", type=int, default=8, help="for whole studies")
    asked = parser.parse_args()
    lines = targets(asked)
    names = [line.name for line in lines]
    if unknown := sorted({*(asked.only or ()), *dict(asked.take or ())} - set(names)):
        parser.error(f"no line {', '.join(unknown)}; there are {', '.join(names)}")
    kept = asked.out / "targets.json" if asked.out else None
    records = json.loads(kept.read_text()) if kept and kept.exists() else {}
    taken = dict(asked.take or ())
    commands, is_fine = Commands(asked.budget, asked.device), True
    for line in lines:
        if line.name in taken:
            commands.take(line, Path(taken[line.name]))
    for line in lines:
        if not _is_wanted(line, asked, taken):
            continue
        print(f"{line.name} ...", file=sys.stderr, flush=True)
        record = measure(line, asked.device, commands)
        has_failed = "error" in record or record.get("is_met") is False
        is_fine = is_fine and not has_failed
        if "measured" in record or "measured" not in records.get(line.name, {}):
            records[line.name] = record  # what was measured elsewhere is kept
        if kept:
            _write(asked.out, records, table(lines, records))
    print(table(lines, records))
    sys.exit(not is_fine)


def _is_wanted(line: Target, asked: argparse.Namespace, taken: dict[str, str]) -> bool:
    """Whether a call is to give a line; one without a card still says which lines need one."""
    if asked.print:
        return False
    if asked.only or taken:
        return line.name in (asked.only or ()) or line.name in taken
    is_of_device = line.needs_card or asked.device == "cpu"
    return is_of_device and (asked.long or not line.is_long)


def _write(folder: Path, records: dict[str, object], text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    numbers = json.dumps(records, indent=1, default=float)
    (folder / "targets.json").write_text(numbers + "\n", encoding="utf-8")
    (folder / "targets.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

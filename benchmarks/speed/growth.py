"""How time and memory grow with the tokens of a corpus, and with the length of its rows.

    python benchmarks/speed/growth.py [--tokens 1e5 1e6 1e7] [--lengths 64 1024] [--figure F.pdf]
        [--json PATH]

For each number of tokens a corpus is written (the text of `tokenising.py`), tokenised by one
thread, and trained on for a few steps; for each length, rows of that length are trained on, as
many tokens a batch whatever the length. Seconds are of CPU, so that other jobs on the machine
matter little; each point is a process of its own, whose peak memory is the system's figure.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from json_results import add_json_flag, write_json
from tokenising import write_texts, write_tokenizer

from mae_bench.data.blocks import build_blocks
from mae_bench.progress import silent
from mae_bench.specs import BackboneSpec, Budget, CorpusSpec, PretrainRecipe, PretrainSpec

BYTES_A_TOKEN = 5.5  # more than a token of this text and tokenizer takes
BATCH_TOKENS = 4_096
STEPS = 12
SIZES = {"tiny": (2, 128, 2), "cpu": (6, 192, 3)}  # layers, width, heads


def tokenise(folder: Path, tokens: int, length: int) -> dict[str, float]:
    """Build the rows of a corpus; return the seconds of CPU that this took."""
    write_texts(folder / "text.jsonl", int(tokens * BYTES_A_TOKEN))
    spec = CorpusSpec(sources=(str(folder / "text.jsonl"),), tokens=tokens, row_length=length)
    start = time.process_time()
    build_blocks(spec, folder / "tokenizer", folder / "blocks", None, silent)
    return {"seconds": time.process_time() - start, "of": tokens}


def train(folder: Path, size: str, length: int) -> dict[str, float]:
    """Train for a few steps; return the seconds of CPU of the steps and those before the first."""
    from mae_bench.pretraining import pretrain as loop

    layers, width, heads = SIZES[size]
    backbone = BackboneSpec(
        num_layers=layers, hidden_size=width, num_heads=heads, max_length=length
    )
    budget = Budget(steps=STEPS)
    recipe = PretrainRecipe(budget=budget, batch_rows=BATCH_TOKENS // length, precision="fp32")
    begins = []

    def stepper(step, compile_by):
        begins.append(time.process_time())
        return step

    loop.make_stepper = stepper  # called when all is ready for the first step
    (folder / "out").mkdir(exist_ok=True)
    start = time.process_time()
    loop.pretrain(
        PretrainSpec(backbone=backbone, objective="mlm", blocks="blocks", recipe=recipe, seed=0),
        blocks=folder / "blocks",
        tokenizer=folder / "tokenizer",
        teacher=None,
        work=folder / "work",
        out=folder / "out",
        device="cpu",
        progress=silent,
    )
    cost = json.loads((folder / "out" / "cost.json").read_text())
    return {
        "seconds": time.process_time() - begins[0],
        "of": cost["tokens"],
        "start": begins[0] - start,
        "flops": cost["flops"] / cost["tokens"],
    }


def point(*arguments: object) -> dict[str, float]:
    """Return what this script prints for one point, in a process of its own."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout
    seen = json.loads(output.splitlines()[-1])
    return seen | {"us": 1e6 * seen["seconds"] / seen["of"]}


def rows(tokens: list[int], lengths: list[int], size: str, folder: Path) -> pd.DataFrame:
    """Return a row for each point."""
    points = []
    write_tokenizer(folder / "tokenizer")

    def add(grows: str, value: int, what: str, seen: dict[str, float]) -> None:
        points.append({"grows": grows, "value": value, "what": what} | seen)
        print(pd.DataFrame(points[-1:]).to_string(index=False, header=len(points) == 1), flush=True)

    for number in tokens:
        add("tokens", number, "tokenising", point("tokenise", folder, number, 64))
        add("tokens", number, "training", point("train", folder, size, 64))
    for length in lengths:
        point("tokenise", folder, 400_000, length)
        add("length", length, "training", point("train", folder, size, length))
    return pd.DataFrame(points)


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the points, each with what was measured of it."""
    return [row.dropna().to_dict() for _, row in table.iterrows()]


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw time per token and memory over tokens and over length."""
    import seaborn

    long = table.rename(columns={"us": "µs of CPU a token", "mb": "peak memory, MB"}).melt(
        id_vars=["grows", "value", "what"],
        value_vars=["µs of CPU a token", "peak memory, MB"],
        var_name="measure",
        value_name="number",
    )
    grid = seaborn.relplot(
        long,
        x="value",
        y="number",
        hue="what",
        col="grows",
        row="measure",
        kind="line",
        marker="o",
        height=2.6,
        aspect=1.4,
        facet_kws={"sharex": False, "sharey": False},
    )
    grid.set(xscale="log", ylim=(0, None)).set_titles("{col_name}").set_xlabels("")
    for axes, name in zip(grid.axes, grid.row_names, strict=True):
        axes[0].set_ylabel(name)
    grid.savefig(path)


def main() -> None:
    """Measure and print a row for each point; draw them where a path is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=float, nargs="*", default=[1e5, 1e6, 1e7])
    parser.add_argument("--lengths", type=int, nargs="*", default=[64, 128, 256, 512, 1_024])
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--folder", type=Path, help="on a disk with 20 bytes free for each token")
    parser.add_argument("--figure", type=Path, help="file to draw to")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    add_json_flag(parser)
    arguments = parser.parse_args()
    if arguments.one:
        how, folder, first, length = arguments.one
        if how == "tokenise":
            seen = tokenise(Path(folder), int(first), int(length))
        else:
            seen = train(Path(folder), first, int(length))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps(seen | {"mb": peak * 1024 / 1e6}))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        tokens = [int(number) for number in arguments.tokens]
        table = rows(tokens, arguments.lengths, arguments.size, Path(folder))
    write_json(arguments.json, {"size": arguments.size, "points": records(table)})
    if arguments.figure:
        draw(table, arguments.figure)


if __name__ == "__main__":
    main()

"""Tokenising a large file: `build_blocks` against `datasets.map` with the same tokenizer and cores.

    python benchmarks/speed/tokenising.py [--mb 100] [--folder DIR] [--threads N]
        [--json PATH]

The text is that of IMDb's unlabelled reviews where MAE_BENCH_DATA has them, else of the generated
world; each repetition gets a number in front, so that it is no duplicate. `build_blocks`
reads the file, drops duplicates, sorts, sets text apart for validation, encodes, and cuts rows.
`datasets` reads the file (`load_dataset`, counted apart) and encodes (`map`, batched, a process a
core, ids alone kept), which leaves texts unsorted and uncut. Memory is the largest sum over a
process and its children, looked at five times a second: of their resident sets (RSS), where pages
that several hold count several times, and of the proportional ones (PSS), where they are shared
out, also to other programs. Pages of mapped files that are in memory count in both.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from json_results import add_json_flag, write_json

from mae_bench.data.corpus import CORPORA
from mae_bench.data.documents import load_documents
from mae_bench.data.sources import data_dir, is_at_hand, stream_split
from mae_bench.data.tokenizer import train_tokenizer
from mae_bench.progress import silent
from mae_bench.runner.cores import num_cores
from mae_bench.specs import CorpusSpec, TokenizerSpec

REVIEWS = "imdb/unsupervised"
VOCAB_SIZE = 8_192
ROW_LENGTH = 128
LOOK_S = 0.2
NAMES = {  # in the JSON
    "whole": "whole_s", "map": "map_s", "cpu": "cpu_s", "rss": "rss_mb", "pss": "pss_mb",
    "tokens": "tokens",
}  # fmt: skip


def documents() -> Iterator[str]:
    """Yield documents without end, none of them twice."""
    source = CORPORA.get(REVIEWS).source
    assert source is not None
    if not is_at_hand(source, data_dir(None)):
        yield from load_documents(CorpusSpec(), None).train()
    repetition = 0
    while True:
        for text in stream_split(source, "train", data_dir(None), "text"):
            yield f"{repetition} {text}" if repetition else text
        repetition += 1


def write_texts(path: Path, size: int) -> None:
    """Write documents of so many bytes as JSON lines."""
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for text in documents():
            written += file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
            if written >= size:
                return


def write_tokenizer(folder: Path) -> None:
    """Train the tokenizer of both on five megabytes of that text."""
    with tempfile.TemporaryDirectory() as beside:
        path = Path(beside, "some.jsonl")
        write_texts(path, 5_000_000)
        tokenizer = TokenizerSpec(vocab_size=VOCAB_SIZE)
        train_tokenizer(CorpusSpec(sources=(str(path),), tokenizer=tokenizer), folder, None, silent)


def ours(text: Path, tokenizer: Path, out: Path, threads: int) -> dict[str, float]:
    """Return the seconds of each part, and the tokens that were encoded."""
    from mae_bench.data.blocks import build_blocks, load_blocks

    start = time.perf_counter()
    spec = CorpusSpec(sources=(str(text),), row_length=ROW_LENGTH)
    build_blocks(spec, tokenizer, out, None, silent, threads)
    seconds = time.perf_counter() - start
    return {"whole": seconds, "tokens": load_blocks(out).num_tokens}


def theirs(text: Path, tokenizer: Path, out: Path, threads: int) -> dict[str, float]:
    """Return the same of `datasets`."""
    import datasets
    import pyarrow.compute
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast.from_pretrained(tokenizer)
    few = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
    start = time.perf_counter()
    given = datasets.load_dataset(
        "json", data_files=str(text), split="train", cache_dir=str(out / "cache")
    )
    loaded = time.perf_counter()
    encoded = given.map(
        lambda batch: fast(batch["text"], add_special_tokens=False, **few),
        batched=True,
        num_proc=threads,
        remove_columns=given.column_names,
    )
    end = time.perf_counter()
    lengths = pyarrow.compute.list_value_length(encoded.with_format("arrow")[:]["input_ids"])
    tokens = pyarrow.compute.sum(lengths).as_py()
    return {"whole": end - start, "map": end - loaded, "tokens": tokens}


def measured(command: list[str]) -> dict[str, float]:
    """Return what a command printed, its seconds of CPU, and the peak of its memory in MB."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
    environment["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
    peak = {"rss": 0.0, "pss": 0.0}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        is_over = threading.Event()

        def look() -> None:
            while not is_over.wait(LOOK_S):
                for name, size in tree_mb(process.pid).items():
                    peak[name] = max(peak[name], size)

        watcher = threading.Thread(target=look)
        watcher.start()
        output, _ = process.communicate()
        is_over.set()
        watcher.join()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with code {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(output.splitlines()[-1]) | {"cpu": seconds} | peak


def tree_mb(pid: int) -> dict[str, float]:
    """Return RSS and PSS of a process and all below it, in MB (Linux)."""
    sizes = {"rss": 0.0, "pss": 0.0}
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:  # it has ended
        return sizes
    for line in lines:
        name = line.partition(":")[0].lower()
        if name in sizes:
            sizes[name] = int(line.split()[1]) * 1024 / 1e6
    below = [tree_mb(child) for child in children]
    return {name: size + sum(each[name] for each in below) for name, size in sizes.items()}


def main() -> None:
    """Measure both, each in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mb", type=int, default=100, help="megabytes of text")
    parser.add_argument("--folder", type=Path, help="on a disk with five times that free")
    parser.add_argument("--threads", type=int, default=num_cores())
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    add_json_flag(parser)
    arguments = parser.parse_args()
    if arguments.one:
        how, *paths = arguments.one
        function = {"ours": ours, "theirs": theirs}[how]
        print(json.dumps(function(*map(Path, paths), arguments.threads)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        text, tokenizer = Path(folder, "text.jsonl"), Path(folder, "tokenizer")
        write_texts(text, arguments.mb * 10**6)
        write_tokenizer(tokenizer)
        size = text.stat().st_size / 1e6
        numbers: dict[str, object] = {"mb": size, "threads": arguments.threads}
        print(f"{size:.0f} MB of text, {arguments.threads} threads or processes", flush=True)
        print(f"{'':24}{'s':>8}{'MB/s':>8}{'CPU s':>8}{'MB/CPU s':>10}{'memory MB':>11}")
        for how, name in (("ours", "mae-bench, whole"), ("theirs", "datasets, whole")):
            out = Path(folder, how)
            out.mkdir()
            command = [sys.executable, __file__, "--threads", str(arguments.threads)]
            seen = measured([*command, "--one", how, str(text), str(tokenizer), str(out)])
            shutil.rmtree(out)  # both together may not fit on the disk
            print(
                f"{name:24}{seen['whole']:>8.1f}{size / seen['whole']:>8.2f}{seen['cpu']:>8.1f}"
                f"{size / seen['cpu']:>10.2f}{seen['rss']:>8.0f}{seen['pss']:>8.0f}"
                f"    {seen['tokens']:,} tokens",
                flush=True,
            )
            if "map" in seen:
                print(f"{'    its map alone':24}{seen['map']:>8.1f}{size / seen['map']:>8.2f}")
            numbers[how] = {NAMES[name]: number for name, number in seen.items()}
    write_json(arguments.json, numbers)


if __name__ == "__main__":
    main()

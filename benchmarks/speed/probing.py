"""Cells of the linear probe on one checkpoint: how many a minute, and where their time goes.

    python benchmarks/speed/probing.py [--seeds 50] [--threads 1] [--rates 0.05 0.1 0.2]
        [--device cpu] [--solver sklearn torch]

One random encoder (preset `cpu`, 6x192), a task of six classes whose texts are as long as
questions are (5,000 train, 500 selection, 500 test), five train sizes, and four readings of the
test split (clean and three typo rates), each a cell. First the clean texts of the task are encoded,
which all cells share; texts under noise are drawn for a cell's seed, so that no other seed reads
them, and are encoded in the cells (none with `--rates` alone). Each solver that is named reads
the same cells, one after the other; by default the one that a device has. Both wall and processor
seconds are written: on a busy machine only the latter, and ratios of one run, say anything; of a
GPU only the former.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from unittest import mock

from json_results import add_json_flag, write_json

SIZES = (50, 100, 200, 500, 1000)
RATES = (0.05, 0.1, 0.2)
CLASSES, WORDS = 6, 2000


def words_of(rng, count: int) -> list[str]:
    """Return made-up words."""
    letters = list("abcdefghijklmnopqrstuvwxyz")
    return ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(count)]


def task_data():
    """Return a task whose classes prefer other words."""
    import numpy as np

    from mae_bench.tasks import Examples, Task
    from mae_bench.tasks.base import TaskData

    rng = np.random.default_rng(0)
    words = words_of(rng, WORDS)

    def split(name: str, count: int) -> Examples:
        labels = rng.integers(0, CLASSES, count)
        texts = []
        for label in labels:
            own = rng.random(10) < 0.3
            drawn = np.where(own, rng.integers(0, 50, 10) + 50 * label, rng.integers(0, WORDS, 10))
            texts.append(" ".join(words[i] for i in drawn))
        return Examples([f"{name}{i}" for i in range(count)], (texts,), labels)

    task = Task(
        name="speed/topic", kind="classify", metrics=("accuracy",), text_fields=("text",),
        label_field="label", label_names=tuple(f"class {i}" for i in range(CLASSES)),
        source=None, licence="none",
    )  # fmt: skip
    return TaskData(task, split("train", 5000), split("selection", 500), split("test", 500)), words


def save_checkpoint(folder: Path, words: list[str]) -> None:
    """Write a random encoder and a tokenizer of the words and of the pieces of mistyped ones."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    from mae_bench.model.backbone import build_backbone
    from mae_bench.specs import BackboneSpec

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*letters, *(f"##{letter}" for letter in letters)]
    pieces += [f"##{first}{second}" for first in letters for second in letters]
    tokens = dict.fromkeys([*special, *pieces, *words])
    vocabulary = {token: number for number, token in enumerate(tokens)}
    inner = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer()
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    fast = PreTrainedTokenizerFast(tokenizer_object=inner, **dict(zip(names, special, strict=True)))
    fast.save_pretrained(folder)
    backbone = build_backbone(BackboneSpec(preset="cpu", max_length=128), len(fast), 0)
    backbone.encoder.save_pretrained(folder)


def main() -> None:
    """Run the cells and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rates", type=float, nargs="*", default=RATES)
    add_json_flag(parser)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--solver", choices=("sklearn", "torch"), nargs="*")
    options = parser.parse_args()
    import torch

    from mae_bench.protocols.linear_probe import Encoder
    from mae_bench.specs import CLEAN, NoiseSpec, ProbeRecipe

    torch.set_num_threads(options.threads)
    noises = (CLEAN, *(NoiseSpec(name="typos", rate=rate) for rate in options.rates))
    solvers = options.solver or ["sklearn" if options.device == "cpu" else "torch"]
    with tempfile.TemporaryDirectory() as folder:
        data, words = task_data()
        save_checkpoint(Path(folder), words)
        import sklearn.linear_model  # noqa: F401 (imports are no part of a cell)

        recipe = ProbeRecipe(precision="fp32")
        texts = [*data.train.texts[0], *data.selection.texts[0], *data.test.texts[0]]
        cpu = time.process_time()
        Encoder(folder, recipe, options.device).encode(texts)
        report = {"device": options.device, "features_cpu_s": round(time.process_time() - cpu, 1)}

        def cells(solver: str, seeds: int):
            return run_cells(Path(folder), data, recipe, noises, options.device, solver, seeds)

        for solver in solvers:
            cells(solver, 1)  # starts libraries, and encodes what every solver then has
        report |= {solver: cells(solver, options.seeds) for solver in solvers}
    if len(solvers) == 2:
        first, second = (report[solver] for solver in solvers)
        for clock in ("wall_s", "cpu_s"):
            report[f"{solvers[0]}_by_{solvers[1]}_{clock}"] = round(first[clock] / second[clock], 2)
    print(json.dumps(report))
    write_json(options.json, report)


def run_cells(folder: Path, data, recipe, noises, device: str, solver: str, seeds: int) -> dict:
    """Run the cells of some seeds by a solver and say what they took."""
    from mae_bench.protocols import linear_probe
    from mae_bench.specs import EvaluateSpec

    wall, cpu, scores = time.perf_counter(), time.process_time(), []
    with mock.patch.object(linear_probe, "fits_on_device", lambda *_: solver == "torch"):
        for seed in range(seeds):
            for size in SIZES:
                spec = EvaluateSpec(
                    checkpoint="0", protocol="linear_probe", task=data.task.name, task_data="0",
                    train_size=size, test_noises=noises, seed=seed,
                    recipe=recipe.model_dump(mode="json"),
                )  # fmt: skip
                result = linear_probe.run(
                    spec, checkpoint=folder, task=data, device=device, progress=lambda *_: None
                )
                scores += [reading.metrics["accuracy"] for reading in result.readings]
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "cells": len(scores),
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "cells_a_cpu_minute": round(60 * len(scores) / cpu),
        "mean_accuracy": round(sum(scores) / len(scores), 4),
    }


if __name__ == "__main__":
    main()

"""Pretraining curves, read from the store's plain JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mae_bench.results import read_json


@dataclass(frozen=True)
class Curve:
    """One pretraining: its cost axes and its loss, point by point.

    Attributes:
        loss: nats for each unit that the objective predicts.
        unigram_entropy: nats a token of the training rows; what a model that knows word
            frequencies only would reach when it predicts tokens.
        vocab_size: number of token ids.
    """

    arm: str
    seed: int
    corpus_tokens: int | None
    step: tuple[float, ...]
    tokens: tuple[float, ...]
    seconds: tuple[float, ...]
    flops: tuple[float, ...]
    loss: tuple[float, ...]
    unigram_entropy: float | None = None
    cost: Mapping[str, object] | None = None
    pretrain_ratio: float | None = None
    vocab_size: int | None = None


def load_curves(rows: pd.DataFrame, home: Path) -> list[Curve]:
    """Return the curve of every pretraining that the rows name and the home still holds."""
    named = rows[rows["pretrain_id"].notna()]
    named = named.drop_duplicates(["arm", "seed", "pretrain_id"])
    curves = []
    for row in named.to_dict("records"):
        folder = home / "artefacts" / "pretrain" / str(row["pretrain_id"])
        if not (folder / "curve.json").exists():
            continue  # a floor, a failed pretraining, or one whose artefact was removed
        points = read_json(folder / "curve.json")
        cost, config = (
            read_json(folder / name) if (folder / name).exists() else {}
            for name in ("cost.json", "config.json")
        )
        curves.append(
            Curve(
                arm=str(row["arm"]),
                seed=int(row["seed"] if pd.isna(row["pretrain_seed"]) else row["pretrain_seed"]),
                corpus_tokens=None if pd.isna(row["corpus_tokens"]) else int(row["corpus_tokens"]),
                pretrain_ratio=None if pd.isna(row["pretrain_ratio"]) else row["pretrain_ratio"],
                unigram_entropy=cost.get("unigram_entropy"),
                cost=cost,
                vocab_size=config.get("vocab_size"),
                **{name: tuple(points[name]) for name in _AXES},
            )
        )
    unique = {(c.arm, c.seed, c.corpus_tokens, c.pretrain_ratio): c for c in curves}
    return list(unique.values())


_AXES = ("step", "tokens", "seconds", "flops", "loss")

"""Pretraining curves, read from the store's plain JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mae_bench.results import read_json
from mae_bench.specs import NO_POINT, Point, parse_point, trained_part


@dataclass(frozen=True)
class Curve:
    """One pretraining: its cost axes and its loss, point by point.

    Attributes:
        loss: nats for each unit that the objective predicts.
        unigram_entropy: nats a token of the training rows; what a model that knows word
            frequencies only would reach when it predicts tokens that it does not see.
        place_entropy: the same of a model that also sees the place whose token it predicts, where
            a share of tokens may stay (80-10-10); None where the loss is not known to be one of
            tokens alone.
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
    place_entropy: float | None = None
    cost: Mapping[str, object] | None = None
    pretrain_ratio: float | None = None
    point: Point = NO_POINT
    vocab_size: int | None = None

    @property
    def landmark(self) -> float | None:
        """What is reached without the text around, in nats a token."""
        return self.unigram_entropy if self.place_entropy is None else self.place_entropy

    @property
    def axes(self) -> tuple[int, float, Point]:
        """Corpus tokens, share of the budget (0 stands for an axis there is none of) and point."""
        return self.corpus_tokens or 0, self.pretrain_ratio or 0.0, self.point


def load_curves(
    rows: pd.DataFrame, home: Path, landmark: Callable[[Path], float | None] = lambda _: None
) -> list[Curve]:
    """Return the curve of every pretraining that the rows name and the home still holds.

    Args:
        rows: of the study.
        home: where its pretrainings are.
        landmark: returns the `Curve.place_entropy` of a pretraining, from its folder.
    """
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
                point=trained_part(parse_point(row["grid_point"])),
                unigram_entropy=cost.get("unigram_entropy"),
                place_entropy=landmark(folder),
                cost=cost,
                vocab_size=config.get("vocab_size"),
                **{name: tuple(points[name]) for name in _AXES},
            )
        )
    unique = {(c.arm, c.seed, *c.axes): c for c in curves}
    return list(unique.values())


_AXES = ("step", "tokens", "seconds", "flops", "loss")

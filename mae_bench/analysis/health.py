"""The health of pretrainings: whether each left the plateau, and what its loss is worth.

For a reader who asks whether a run is sound before any score is read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mae_bench.analysis.costs import trained_label
from mae_bench.analysis.curves import Curve
from mae_bench.analysis.messages import message
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import Table, si
from mae_bench.plateau import LEFT_SHARE, is_in_nats_a_token, tokens_at_leaving
from mae_bench.specs import Point, point_label

_MASKED = "masked_accuracy_"


@dataclass(frozen=True)
class Health:
    """One pretraining.

    Attributes:
        is_of_tokens: whether its loss is in nats a token, so that entropies are landmarks.
        left_at: tokens seen where it left the plateau; None where it never did.
        share: the last loss over what is left without the text around; NaN for other losses.
    """

    curve: Curve
    is_of_tokens: bool
    left_at: float | None
    share: float


def health_of(curve: Curve) -> Health:
    """Return the health of a pretraining, from its curve."""
    entropy = curve.landmark
    is_of_tokens = is_in_nats_a_token(curve.loss, entropy, curve.vocab_size)
    if not is_of_tokens or entropy is None or _seems_another_loss(curve, entropy):
        return Health(curve, False, None, float("nan"))
    last = curve.cost.get("validation_loss") if curve.cost else None
    loss = float(last) if isinstance(last, int | float) else curve.loss[-1]
    return Health(curve, True, tokens_at_leaving(curve.tokens, curve.loss, entropy), loss / entropy)


def _seems_another_loss(curve: Curve, landmark: float) -> bool:
    """Whether the loss without reading says that not only tokens of the text are predicted.

    It is asked where the objective does not declare so. A loss of tokens is kept as no higher than
    their entropy there; a last phase of another kind lies above. One of marks between tokens, too,
    which are easily told (`span_denoise`), lies where a loss of tokens would have left the plateau,
    and nothing was read.
    """
    unread = (curve.cost or {}).get("unread_loss")
    is_declared = curve.place_entropy is not None
    if is_declared or not isinstance(unread, int | float) or curve.unigram_entropy is None:
        return False
    is_above = unread > curve.unigram_entropy * (1 + 1e-6)
    return is_above or unread < LEFT_SHARE * landmark


def health_table(rows: pd.DataFrame, scores: Scores, curves: Sequence[Curve]) -> Table | None:
    """Return a line for each arm and corpus size: is it sound? None where nothing was trained."""
    trained = [health_of(curve) for curve in curves if curve.loss]
    if not trained:
        return None
    accuracies = _masked_accuracies(rows)
    records = []
    for label in (arm.label for arm in scores.arms):
        mine = [h for h in trained if h.curve.arm == label]
        # points stay in the order of the study: their values need not compare
        for axes in sorted(dict.fromkeys(h.curve.axes for h in mine), key=lambda axes: axes[:2]):
            runs = [h for h in mine if h.curve.axes == axes]
            records.append(_line(label, axes, runs, accuracies))
    frame = pd.DataFrame(records).astype(str)
    for name in ("corpus tokens", "pretrain ratio", "at"):
        if frame[name].nunique() < 2:
            frame = frame.drop(columns=name)
    if (frame["masked accuracy"] == message("cell.none")).all():
        frame = frame.drop(columns="masked accuracy")
    first = next((h.curve for h in trained if h.is_of_tokens), None)
    notes = [message("health.loss")]
    if first is not None and first.unigram_entropy and first.vocab_size:
        entropy, guess = first.unigram_entropy, math.log(first.vocab_size)
        notes.append(message("health.landmarks", entropy=f"{entropy:.3f}", guess=f"{guess:.3f}"))
    notes.append(message("health.left", share=f"{LEFT_SHARE:.0%}"))
    return Table("health", message("health.caption"), frame, notes=tuple(notes))


def _line(
    label: str,
    axes: tuple[int, float, Point],
    runs: Sequence[Health],
    accuracies: pd.Series,
) -> dict[str, str]:
    of_tokens = [h for h in runs if h.is_of_tokens]
    left = [h.left_at for h in of_tokens if h.left_at is not None]
    corpus_tokens, ratio, point = axes
    none = message("cell.none")
    accuracy = accuracies.get((label, corpus_tokens, ratio, point_label(point)), float("nan"))
    return {
        "arm": label,
        "corpus tokens": f"{corpus_tokens:,}" if corpus_tokens else none,
        "pretrain ratio": f"{ratio:.0%}" if ratio else none,
        "at": point_label(point) or none,
        "runs": str(len(runs)),
        "loss": f"{np.mean([h.share for h in of_tokens]):.3f}"
        if of_tokens
        else message("health.another_kind"),
        "left the plateau": _left_text(left, len(of_tokens))
        if of_tokens
        else message("health.no_landmark"),
        "masked accuracy": f"{accuracy:.1%}" if np.isfinite(accuracy) else none,
        "state": _state(runs),
    }


def _left_text(left: Sequence[float], count: int) -> str:
    if not left:
        return message("health.never", n=count, all=count)
    ends = {"low": si(min(left)), "high": si(max(left))}
    text = si(float(np.median(left)))
    text += message("health.range", **ends) if len(left) > 1 else ""
    if len(left) < count:
        text += message("list.comma_clauses") + message(
            "health.never", n=count - len(left), all=count
        )
    return text


def _state(runs: Sequence[Health]) -> str:
    """Return what the checks at the end of each run said, in a few words."""
    states = [state_of(run) for run in runs]
    counts = {name: states.count(name) for name in ("collapsed", "flat", "near")}
    words = [message(f"health.{name}", n=count) for name, count in counts.items() if count]
    return message("list.comma").join(words) or message("health.sound")


def state_of(run: Health) -> str:
    """Return ``collapsed``, ``flat`` or ``near`` (on the plateau), or ``sound``."""
    cost = run.curve.cost or {}
    if cost.get("is_collapsed"):
        return "collapsed"
    if cost.get("plateau"):
        return "flat"
    return "near" if run.is_of_tokens and run.left_at is None else "sound"


def _masked_accuracies(rows: pd.DataFrame) -> pd.Series:
    """Return the mean accuracy on hidden tokens, at the lowest ratio measured, by arm and axes."""
    named = rows[rows["metric"].astype(str).str.startswith(_MASKED) & rows["value"].notna()]
    if named.empty:
        return pd.Series(dtype=float)
    ratio = named["metric"].str.removeprefix(_MASKED).astype(float)
    lowest = named[ratio == ratio.min()]
    sizes = pd.to_numeric(lowest["corpus_tokens"]).fillna(0).astype(int)
    ratios = pd.to_numeric(lowest["pretrain_ratio"]).fillna(0.0).astype(float)
    points = lowest["grid_point"].map(trained_label)
    means: pd.Series = lowest["value"].groupby([lowest["arm"], sizes, ratios, points]).mean()
    return means

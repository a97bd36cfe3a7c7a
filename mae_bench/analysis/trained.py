"""What was trained, in one line: the encoder, its text, how long, how often."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mae_bench.analysis.costs import costs_at, mean_costs
from mae_bench.analysis.curves import Curve
from mae_bench.analysis.messages import joined, listed, message
from mae_bench.analysis.scores import Scores
from mae_bench.analysis.tables import si
from mae_bench.specs import Study, short_field


def trained_sentence(
    study: Study, rows: pd.DataFrame, scores: Scores, curves: Sequence[Curve]
) -> str:
    """Return the sentence; empty where nothing was pretrained.

    What arms differ in is given from the least to the most. Fields that a grid moves are named.
    """
    costs = costs_at(mean_costs(rows), scores.reference)
    costs = costs[costs["pretrain_steps"] > 0]
    if costs.empty:
        return ""
    backbone, corpus = study.backbone, study.corpus
    text = [message("trained.sources", names=listed(corpus.sources))]
    asked = study.corpus_tokens or (corpus.tokens,)
    if tokens := scores.reference.corpus_tokens or asked[0]:
        text.append(message("trained.text", tokens=si(tokens)))
    sizes = {curve.vocab_size for curve in curves if curve.vocab_size}
    sizes |= {corpus.tokenizer.vocab_size} if not sizes and corpus.tokenizer.vocab_size else set()
    if len(sizes) == 1:
        text.append(message("trained.vocabulary", size=f"{sizes.pop():,}"))
    text.append(message("trained.rows", length=corpus.row_length))
    sentence = message(
        "trained.sentence",
        layers=message("trained.layers", n=backbone.layers),
        width=backbone.width,
        parameters=_ends(costs["params_encoder"]),
        text=message("list.comma").join(text),
        tokens=_ends(costs["pretrain_tokens"]),
        steps=_ends(costs["pretrain_steps"], is_count=True),
        seeds=message(f"plain.seeds_{study.repeats}", n=len(scores.seeds)),
    )
    moved = [short_field(field) for field in study.grid]
    return joined([sentence, message("trained.grid", fields=listed(moved)) if moved else ""])


def _ends(values: "pd.Series[float]", *, is_count: bool = False) -> str:
    ends = [float(np.min(values)), float(np.max(values))]
    least, most = (f"{end:,.0f}" if is_count else si(end) for end in ends)
    return least if least == most else message("headline.span", least=least, most=most)

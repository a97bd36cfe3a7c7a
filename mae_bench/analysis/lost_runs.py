"""The share of runs that failed or collapsed: a result of its own where strategies are compared.

Source: Mosbach et al. 2021, arXiv:2006.04884, who count the fine-tunes that end no better than the
commonest class.
"""

import pandas as pd

from mae_bench.analysis.messages import message
from mae_bench.analysis.tables import Table
from mae_bench.results import row_noises
from mae_bench.specs import percent

_SETTING = ["arm", "protocol", "size", "noise", "corpus tokens", "pretrain ratio"]
_NO_AXIS = "none"


def lost_share_table(rows: pd.DataFrame) -> Table | None:
    """Return the share of lost runs by arm, setting and task; None where no run was lost.

    A setting in which no run was lost has no line.
    """
    chosen = rows[rows["is_primary"].fillna(True).astype(bool)]
    is_lost = chosen["failure"].notna() | chosen["is_collapsed"].fillna(False).astype(bool)
    if not is_lost.any():
        return None
    runs = pd.DataFrame(
        {
            "arm": chosen["arm"].astype(str),
            "protocol": chosen["protocol"].astype(object).fillna("none").astype(str),
            "size": chosen["train_size"].astype(str),
            "noise": [noise.label for noise in row_noises(chosen)],
            "corpus tokens": [
                _NO_AXIS if pd.isna(tokens) else f"{int(tokens):,}"
                for tokens in pd.to_numeric(chosen["corpus_tokens"])
            ],
            "pretrain ratio": [
                _NO_AXIS if pd.isna(ratio) else percent(ratio)
                for ratio in pd.to_numeric(chosen["pretrain_ratio"])
            ],
            "task": chosen["task"].astype(str),
            "is_lost": is_lost,
        }
    )
    is_line = runs.groupby(_SETTING)["is_lost"].transform("any")
    shares = runs[is_line].groupby([*_SETTING, "task"], sort=False)["is_lost"].agg(_share)
    frame = shares.unstack("task").fillna("not run").reset_index()
    axes = ("corpus tokens", "pretrain ratio")  # of which floors have no value
    single = [name for name in axes if runs[name][runs[name] != _NO_AXIS].nunique() < 2]
    frame = frame.drop(columns=single)
    frame.columns.name = None
    return Table("lost-runs", message("lost_runs.caption"), frame)


def _share(is_lost: "pd.Series[bool]") -> str:
    of = message("cell.of", n=int(is_lost.sum()), all=len(is_lost))
    return f"{is_lost.mean():.0%} ({of})"

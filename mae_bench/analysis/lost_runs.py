"""The share of runs that failed or collapsed: a result of its own where strategies are compared.

Source: Mosbach et al. 2021, arXiv:2006.04884, who count the fine-tunes that end no better than the
commonest class.
"""

import pandas as pd

from mae_bench.analysis.tables import Table
from mae_bench.results import row_noise

_SETTING = ["arm", "protocol", "train_size", "noise", "noise_rate", "noise_where", "corpus_tokens"]


def lost_share_table(rows: pd.DataFrame) -> Table | None:
    """Return the share of lost runs by arm, setting and task; None where no run was lost.

    A setting in which no run was lost has no line.
    """
    chosen = rows[rows["is_primary"].fillna(True).astype(bool)].copy()
    chosen["is_lost"] = chosen["failure"].notna() | chosen["is_collapsed"].fillna(False).astype(
        bool
    )
    if not chosen["is_lost"].any():
        return None
    runs = chosen.groupby([*_SETTING, "task"], sort=False, dropna=False)["is_lost"]
    counts = runs.agg(["sum", "count"]).reset_index()
    tasks = list(dict.fromkeys(counts["task"].astype(str)))
    records = []
    for setting, part in counts.groupby(_SETTING, sort=False, dropna=False):
        if not part["sum"].any():
            continue
        arm, protocol, size, noise, rate, where, tokens = setting
        record = {
            "arm": str(arm),
            "protocol": "none" if pd.isna(protocol) else str(protocol),
            "size": str(size),
            "noise": row_noise(str(noise), float(rate), str(where)).label,
        }
        if counts["corpus_tokens"].nunique() > 1:
            record["corpus tokens"] = "all" if pd.isna(tokens) else f"{int(tokens):,}"
        by_task = part.set_index(part["task"].astype(str))
        for task in tasks:
            record[task] = "not run"
            if task in by_task.index:
                lost, count = (int(by_task.loc[task, name]) for name in ("sum", "count"))
                record[task] = f"{lost / count:.0%} ({lost} of {count})"
        records.append(record)
    caption = (
        "Share of runs that failed or collapsed, by task; settings that lost none are left out."
    )
    return Table("lost-runs", caption, pd.DataFrame(records))

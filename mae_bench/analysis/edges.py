"""How often a hyper-parameter was chosen at an end of its grid: a better one may lie beyond."""

import pandas as pd

from mae_bench.analysis.messages import message
from mae_bench.analysis.tables import Table


def choices(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each choice from a grid; ``grid_edge`` is empty where it is inside."""
    tried = rows[rows["grid_edge"].notna()].copy()
    # what differs in test noise or metric alone is one evaluation
    tried["trained_on"] = tried["noise"].where(tried["noise_where"] != "test", "clean")
    return tried.drop_duplicates(
        [
            "arm",
            "corpus_tokens",
            "pretrain_ratio",
            "grid_point",
            "protocol",
            "task",
            "train_size",
            "seed",
            "finetune_seed",
            "trained_on",
        ]
    )


def edge_table(rows: pd.DataFrame) -> Table | None:
    """Return the counts by protocol, task and size, or None where no grid was tried."""
    tried = choices(rows)
    if tried.empty:
        return None
    records = []
    keys = ["protocol", "task", "train_size"]
    for (protocol, task, size), group in tried.groupby(keys, sort=False):
        ends = group["grid_edge"].str.split(", ").explode()
        counts = ends[ends != ""].value_counts()
        records.append(
            {
                "protocol": protocol,
                "task": task,
                "size": size,
                "at the edge": message(
                    "cell.of", n=int((group["grid_edge"] != "").sum()), all=len(group)
                ),
                "which": ", ".join(f"{name}: {count}" for name, count in counts.items()) or "none",
            }
        )
    frame = pd.DataFrame(records).astype(str)
    return Table("edges", edge_sentence(tried), frame)


def edge_sentence(tried: pd.DataFrame) -> str:
    """Return the count over all choices."""
    count = int((tried["grid_edge"] != "").sum())
    return message("edges.caption", n=count, all=len(tried))

"""The model card of a pretraining: what it is, what it cost, and its scores as its rows have them.

Its head is the metadata of the Hub (https://huggingface.co/docs/hub/model-cards), with the scores
of this checkpoint alone as ``model-index``.
"""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

from mae_bench.export.runs import Run

if TYPE_CHECKING:
    import pandas as pd

_SETTING = [
    "study",
    "corpus_tokens",
    "pretrain_ratio",
    "arm",
    "protocol",
    "task",
    "train_size",
    "noise",
    "noise_rate",
    "noise_where",
    "metric",
]
_LIBRARY = "mae-bench"


def write_card(run: Run, name: str, has_onnx: bool = False) -> str:
    """Return the card of a run as Markdown.

    Args:
        run: the pretraining.
        name: of the folder, which the card is headed by.
        has_onnx: whether model.onnx stands beside it.
    """
    import jinja2

    template = (files("mae_bench.export") / "card.md.j2").read_text(encoding="utf-8")
    # Markdown has no scripts to inject; cells of tables escape their bars themselves
    made = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
    scores = score_lines(run)
    sources = [(source, _licence(source)) for source in run.blocks.get("sources", ())]
    text = made.from_string(template).render(
        metadata=yaml.safe_dump(
            _metadata(run, name), sort_keys=False, allow_unicode=True, width=1000
        ).strip(),
        name=name,
        run=run,
        spec=run.spec,
        cost=run.cost,
        blocks=run.blocks,
        options=json.dumps(run.spec["options"], sort_keys=True),
        budget=_budget(run.spec["recipe"]["budget"]),
        sources=[(_cell(source), _cell(licence)) for source, licence in sources],
        scores=scores,
        failures=_failures(run),
        has_onnx=has_onnx,
    )
    return text.strip() + "\n"


def score_lines(run: Run) -> list[dict[str, str]]:
    """Return a line for each setting in which the checkpoint was scored, ready to print.

    Each has the primary metric alone: this checkpoint's score, a mean where it was evaluated with
    several seeds, and mean and standard deviation over the pretrainings of its arm.
    """
    rows = run.rows
    if rows.empty:
        return []
    rows = rows[rows["is_primary"]]
    lines: list[dict[str, str]] = []
    seen: set[tuple[object, ...]] = set()
    for key, group in rows.groupby(_SETTING, dropna=False, sort=True):
        own = group[group["pretrain_id"] == run.id]
        values = own["value"].dropna()
        by_name = dict(zip(_SETTING, key, strict=True))
        # one evaluation may serve several studies
        same = tuple(sorted(own["cell_id"].map(str))), by_name["metric"]
        if values.empty or same in seen:
            continue
        seen.add(same)
        means = group.groupby("pretrain_id")["value"].mean().dropna()
        several = f" (mean of {len(values)})" if len(values) > 1 else ""
        lines.append(
            {
                "study": _cell(by_name["study"]),
                "task": _cell(by_name["task"]),
                "protocol": _cell(by_name["protocol"]),
                "labels": _cell(by_name["train_size"]),
                "noise": _noise(by_name),
                "metric": _cell(by_name["metric"]),
                "own": f"{values.mean():.4f}{several}",
                "arm": _spread(means),
            }
        )
    return lines


def _metadata(run: Run, name: str) -> dict[str, Any]:
    results = []
    own = run.own_rows
    if not own.empty:
        own = own[own["value"].notna() & own["is_primary"]].drop_duplicates("cell_id")
    for row in _records(own):
        labels = f", {row['train_size']} labels"
        noise = f", {_noise(row)}" if row["noise"] != "clean" else ""
        results.append(
            {
                "task": {"type": "feature-extraction", "name": f"{row['protocol']}{labels}{noise}"},
                "dataset": {"type": str(row["task"]), "name": str(row["task"])},
                "metrics": [
                    {
                        "type": str(row["metric"]),
                        "name": f"{row['metric']}, seed {row['seed']}",
                        "value": float(row["value"]),
                    }
                ],
            }
        )
    languages = sorted({lang for s in run.blocks.get("sources", ()) if (lang := _language(s))})
    metadata: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "feature-extraction",
        "tags": [_LIBRARY, str(run.spec["objective"])],
    }
    if languages:
        metadata["language"] = languages
    if results:
        metadata["model-index"] = [{"name": name, "results": results}]
    return metadata


def _failures(run: Run) -> list[str]:
    """Return the reasons for which evaluations of this checkpoint gave no score."""
    own = run.own_rows
    if own.empty:
        return []
    lost = own[own["failure"].notna()].drop_duplicates("cell_id")
    return [f"{_cell(row['task'])}, {_cell(row['protocol'])}: {_cell(row['failure'])}"
            for row in _records(lost)]  # fmt: skip


def _records(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _spread(means: "pd.Series[float]") -> str:
    if len(means) < 2:
        return "only this one"
    return f"{means.mean():.4f} ± {means.std():.4f} ({len(means)})"


def _noise(row: Mapping[str, Any]) -> str:
    if row["noise"] == "clean":
        return "clean"
    return _cell(f"{row['noise']} {row['noise_rate']:g} ({row['noise_where']})")


def _budget(budget: Mapping[str, Any]) -> str:
    return " and ".join(f"{value:,} {name}" for name, value in budget.items() if value is not None)


def _corpus(source: str) -> Any:
    from mae_bench.data.corpus import CORPORA

    return CORPORA.get(source) if source in CORPORA.names() else None


def _licence(source: str) -> str:
    corpus = _corpus(source)
    return corpus.licence if corpus else "not known here: a file of whoever ran it"


def _language(source: str) -> str:
    corpus = _corpus(source)
    return corpus.language if corpus and corpus.language != "und" else ""


def _cell(value: object) -> str:
    """Return text that no table of Markdown takes for its own."""
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def about(run: Run) -> Mapping[str, object]:
    """Return what is kept beside the weights for programs: what was asked for and what it took."""
    return {
        "pretrain_id": run.id,
        "spec": run.spec,
        "cost": run.cost,
        "sources": list(run.blocks.get("sources", ())),
        "studies": sorted(set(run.rows["study"])) if not run.rows.empty else [],
    }

"""Extract from stored predictions the differences that `examples.py` draws again.

    python benchmarks/statistics/extract.py HOME [HOME ...]     # writes stored_predictions.csv

A line for each comparison with the control, by accuracy on clean text: the difference at each seed,
and the products of two seeds' differences, averaged over test examples. No text or label leaves.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from mae_bench import load_rows
from mae_bench.analysis.claims import control_of
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.rows import read_scores
from mae_bench.specs import Study

TARGET = Path(__file__).with_name("stored_predictions.csv")
_CONDITION = ["protocol", "task", "train_size", "corpus_tokens"]


def folders(home: Path) -> dict[tuple[str, str], Path]:
    """Return evaluations by the id of their encoder and by their task, setting and seed."""
    paths = {}
    for path in (home / "artefacts" / "evaluate").glob("*/done.json"):
        done = json.loads(path.read_text("utf-8"))
        for kind, of_encoder in done["needs"]:
            if kind == "pretrain":
                paths[of_encoder, done["stage"].rsplit(" on ", 1)[1]] = path.parent
    return paths


def correct(home: Path, rows: pd.DataFrame) -> list[Array]:
    """Return for each row which examples are predicted correctly.

    Raises:
        ValueError: predictions do not give the row's accuracy.
    """
    known = folders(home)
    correct_by_row: list[Array] = []
    for row in rows.to_dict("records"):
        what = f"{row['task']}, {row['protocol']}, {row['train_size']} labels, seed {row['seed']}"
        table = pd.read_parquet(known[row["pretrain_id"], what] / "predictions.parquet")
        table = table[table["noise"] == "clean"].sort_values("id")
        is_right = (table["label"] == table["prediction"]).to_numpy().astype(float)
        if abs(is_right.mean() - row["value"]) > 1e-9:
            raise ValueError(f"{what}: the predictions give {is_right.mean()}, not {row['value']}")
        correct_by_row.append(is_right)
    return correct_by_row


def comparisons(home: Path, folder: Path) -> pd.DataFrame:
    """Return the comparisons of one study; those with a failed or collapsed run are left out."""
    study = Study.model_validate(json.loads((folder / "study.json").read_text("utf-8")))
    rows = load_rows(folder / "results.parquet")
    control = str(control_of(study, read_scores(rows, study)))
    is_used = (rows["metric"] == "accuracy") & (rows["noise"] == "clean")
    is_used &= rows["pretrain_id"].fillna("") != ""
    rows = rows[is_used & (rows["objective"] != "random_init")].sort_values("seed")
    lines = []
    for condition, table in rows.groupby(_CONDITION, dropna=False):
        sides: dict[str, Array] = {}
        for arm, own in table.groupby("arm"):
            if own["failure"].isna().all() and not own["is_collapsed"].any():
                sides[str(arm)] = np.stack(correct(home, own))
        for arm in [arm for arm in sides if control in sides and arm != control]:
            difference = sides[arm] - sides[control]
            num_seeds, num_examples = difference.shape
            products = difference @ difference.T / num_examples
            lines.append(
                {"study": folder.name, **dict(zip(_CONDITION, condition, strict=True)), "arm": arm}
                | {"num_examples": num_examples}
                | {f"mean_{s}": value for s, value in enumerate(difference.mean(axis=1))}
                | {
                    f"product_{s}_{t}": products[s, t]
                    for s in range(num_seeds)
                    for t in range(s, num_seeds)
                }
            )
    return pd.DataFrame(lines)


def main() -> None:
    """Write the comparisons of all studies of these homes, each study once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("homes", type=Path, nargs="+")
    studies = {}
    for home in parser.parse_args().homes:
        for path in sorted(home.glob("studies/*/finished.json")):
            studies[path.parent.name] = (home, path.parent)  # the last home wins
    frames = [comparisons(home, folder) for home, folder in studies.values()]
    table = pd.concat(frames, ignore_index=True)
    table.to_csv(TARGET, index=False, float_format="%.9g")
    print(f"{len(table)} comparisons of {table['study'].nunique()} studies in {TARGET.name}")


if __name__ == "__main__":
    main()

"""Reads the rows of a study into scores by arm, task and setting.

The floors that need no encoder have no protocol and no pretraining corpus; they are read under
every protocol and corpus size of the study, so that each table carries them. Beside protocols that
learn from no label they are those that learned from most.

Where checkpoints have several fine-tunes, a seed's score is the mean over them: the pretraining
seed stays what is repeated. A seed that lacks one of them, or of which one failed, has no score, as
a mean over those that happen to be there would compare arms by other labels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mae_bench.analysis.scores import COMPARED, Arm, Cell, Role, Scores, Setting, Unread
from mae_bench.analysis.stats import mean_intervals
from mae_bench.errors import DataError
from mae_bench.results import NO_ROWS, parse_size, row_noises
from mae_bench.specs import CORPUS, OUTSIDE, Claim, Comparison, Study, TrainSize, parse_point
from mae_bench.specs.grid_points import points_of

_KEYS = (
    "arm",
    "protocol",
    "task",
    "train_size",
    "noise",
    "corpus_tokens",
    "pretrain_ratio",
    "point",
)
_SIZE = _KEYS.index("train_size")


def read_metrics(
    rows: pd.DataFrame, study: Study, also: Iterable[str] = (), unread: Unread = frozenset()
) -> dict[str, Scores]:
    """Return the scores of every other metric that a claim or reference names, if rows hold it.

    ``also`` names further metrics; ``unread`` is as in `read_scores`.
    """
    sides: list[Claim | Comparison] = [
        *study.claims,
        *(reference.comparison for reference in study.references),
    ]
    named = {*also, *(side.metric for side in sides if side.metric)}
    by_metric = {}
    for metric in named:
        is_metric = rows["metric"] == metric
        measured = set(zip(rows["protocol"][is_metric], rows["task"][is_metric], strict=True))
        pairs = zip(rows["protocol"], rows["task"], strict=True)
        is_there = np.array([pair in measured for pair in pairs], dtype=bool)
        chosen = rows[is_metric | (rows["failure"].notna() & is_there)]
        if not chosen.empty:
            scores = read_scores(chosen.assign(is_primary=True, metric=metric), study, unread)
            tasks = tuple(t for t in scores.tasks if any(task == t for _, task, _ in scores.cells))
            by_metric[metric] = replace(scores, tasks=tasks)
    return by_metric


def read_scores(rows: pd.DataFrame, study: Study, unread: Unread = frozenset()) -> Scores:
    """Arrange the primary rows of a study.

    Args:
        rows: of the study.
        study: that they belong to; what they lack of it shows as a gap.
        unread: pairs of a protocol and a task that the study does not ask for, which are no gaps.

    Raises:
        DataError: no primary rows, or two rows for the same cell and metric.
    """
    table = rows[rows["is_primary"].fillna(True).astype(bool)].copy()
    if table.empty:
        raise DataError(NO_ROWS)
    sizes = [parse_size(text) for text in table["train_size"].astype(str)]
    table["train_size"] = pd.Series(sizes, table.index, dtype=object)  # counts stay whole
    table["corpus_tokens"] = pd.to_numeric(table["corpus_tokens"]).fillna(-1).astype("int64")
    table["value"] = pd.to_numeric(table["value"]).where(table["failure"].isna()).astype(float)
    table["is_collapsed"] = table["is_collapsed"].fillna(False).astype(bool)
    table["finetune_seed"] = pd.to_numeric(table["finetune_seed"]).fillna(0).astype("int64")
    table["noise"] = pd.Series(row_noises(table), table.index, dtype=object)
    table["pretrain_ratio"] = pd.to_numeric(table["pretrain_ratio"]).fillna(-1).astype(float)
    table["point"] = pd.Series(list(map(parse_point, table["grid_point"])), table.index, object)
    if "corpus.tokens" in study.grid:  # the point says how much text there is
        table["corpus_tokens"] = -1
    run = sorted(set(table["pretrain_ratio"]) - {-1.0})
    axis = study.budget_split.pretrain_ratios if study.budget_split else ()
    asked: list[float | None] = [*sorted({*run, *axis})] or [None]
    splits: list[float | None] = [*run] or asked  # where floors are read
    corpora = sorted(set(table["corpus_tokens"]) - {-1})
    # What the rows lack must show as a gap, so seeds, tasks and settings start from the study.
    seeds = tuple(sorted({*study.seeds, *(int(seed) for seed in table["seed"].unique())}))
    readers = frozenset(table["protocol"][table["task"] == CORPUS])
    unlabelled = unlabelled_protocols(table)
    cells = _cells(table, study, seeds, corpora, splits, readers, unlabelled, unread)
    settings = tuple(_ordered_settings(cells, study, corpora, asked, readers, unlabelled))
    others = sorted({task for _, task, _ in cells} - set(study.tasks))
    return Scores(
        seeds=seeds,
        arms=tuple(_arms(table, study)),
        tasks=(*study.tasks, *others),
        settings=settings,
        cells=cells,
        corpus_protocols=readers,
        unread=unread,
        left_out={at.point: at.without for at in points_of(study) if at.without},
    )


def unlabelled_protocols(table: pd.DataFrame) -> frozenset[str]:
    """Return the protocols that learn from no label, whose one result stands under ``all``.

    Those that read the corpus, where there is no label, are not among them.
    """
    is_floor = table["is_floor"].fillna(False).astype(bool)
    encoders = table[~is_floor & (table["task"] != CORPUS)]
    most = pd.to_numeric(encoders["n_train"]).groupby(encoders["protocol"]).max()
    return frozenset(map(str, most.index[most == 0]))


def _finetune_seeds(table: pd.DataFrame, study: Study) -> dict[str, list[int]]:
    """Return the fine-tune seeds of each protocol; what learns from no label has those of rows."""
    asked: dict[str, list[int]] = {}
    for protocol, rows in table.groupby("protocol"):
        run = {int(seed) for seed in rows["finetune_seed"]}
        is_unlabelled = pd.to_numeric(rows["n_train"]).max() == 0
        asked[str(protocol)] = sorted(run if is_unlabelled else {*run, *study.finetune_seeds})
    return asked


def _cells(
    table: pd.DataFrame,
    study: Study,
    seeds: tuple[int, ...],
    corpora: list[int],
    splits: Sequence[float | None],
    readers: frozenset[str],
    unlabelled: frozenset[str],
    unread: Unread,
) -> dict[tuple[str, str, Setting], Cell]:
    seed_index = {seed: position for position, seed in enumerate(seeds)}
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    finetune_seeds = _finetune_seeds(table[table["task"] != CORPUS], study)
    used = [*_KEYS, "seed", "finetune_seed", "metric", "value", "failure", "is_collapsed"]
    records: list[dict[str, object]] = table[[*used, "n_train"]].to_dict("records")  # type: ignore[assignment]
    for record in records:
        groups.setdefault(tuple(record[key] for key in _KEYS), []).append(record)
    references = _with_most_labels(groups)
    contents: list[tuple[list[tuple[str, str, Setting]], dict[str, Any]]] = []
    for key, rows in groups.items():
        arm, protocol, task, size, noise, corpus, ratio, point = key
        repeated = finetune_seeds.get(protocol, [0]) if task != CORPUS else [0]
        finetunes = np.full((len(seeds), len(repeated)), np.nan)
        is_failed, is_collapsed = np.zeros((2, *finetunes.shape), dtype=bool)
        for row in rows:
            at = seed_index[row["seed"]], repeated.index(row["finetune_seed"])
            finetunes[at] = row["value"]
            is_failed[at] = not pd.isna(row["failure"])
            is_collapsed[at] = bool(row["is_collapsed"])
        if len({(row["seed"], row["finetune_seed"]) for row in rows}) < len(rows):
            raise DataError(
                f"two rows for one cell: arm '{arm}', task '{task}', protocol '{protocol}', "
                f"size {size}, noise '{noise.label}'; each seed, or fine-tune seed in it, may have "
                "one primary row only"
            )
        of_tasks = [name for name in study.protocols if name not in readers]
        named = {protocol: size}
        if protocol not in study.protocols:  # a floor
            named = {name: size for name in of_tasks if name not in unlabelled}
            if key in references:
                named |= {name: "all" for name in of_tasks if name in unlabelled}
        sizes: list[int | None] = [None]
        if len(corpora) > 1:
            sizes = [corpus] if corpus != -1 else list(corpora)
        counts = [int(row["n_train"]) for row in rows if not pd.isna(row["n_train"])]
        content = {
            "metric": rows[0]["metric"],
            "values": finetunes.mean(axis=1),
            "n_train": counts[0] if counts else None,
            "is_failed": is_failed.any(axis=1),
            "is_collapsed": is_collapsed.any(axis=1),
            "finetunes": finetunes,
        }
        spread = [
            (arm, task, Setting(p, named[p], noise, tokens, p in unlabelled, split, point))
            for p in named
            if (p, task) not in unread
            for tokens in sizes
            for split in (splits if ratio == -1 else [ratio])
        ]
        contents.append((spread, content))
    stacked = np.stack([content["values"] for _, content in contents], axis=1)
    lows, highs = mean_intervals(stacked)
    cells = {}
    for (spread, content), low, high in zip(contents, lows, highs, strict=True):
        values = content["values"]
        mean = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
        cell = Cell(mean=mean, low=float(low), high=float(high), **content)
        for cell_key in spread:
            cells[cell_key] = cell
    return cells


def _with_most_labels(groups: Mapping[tuple[Any, ...], list[dict[str, Any]]]) -> set[object]:
    """Return the keys of groups with most labels, of those that differ in nothing else.

    Such a floor is the reference for what learns from none.
    """
    labels = {
        key: max((float(row["n_train"]) for row in rows if not pd.isna(row["n_train"])), default=0)
        for key, rows in groups.items()
    }
    most: dict[object, tuple[Any, ...]] = {}
    for key in groups:
        other = (*key[:_SIZE], *key[_SIZE + 1 :])  # all that a setting is but its train size
        if labels[key] > labels[most.setdefault(other, key)]:
            most[other] = key
    return set(most.values())


def _arms(table: pd.DataFrame, study: Study) -> Iterable[Arm]:
    firsts = table.drop_duplicates("arm").set_index("arm")
    asked = [arm.label for arm in study.objectives] + [arm.label for arm in study.encoders]
    order = {label: position for position, label in enumerate(asked)}
    untrained = {arm.label for arm in study.objectives if arm.objective == "random_init"}
    compared = [label for label in asked if label not in untrained]
    ranked = sorted(firsts.index, key=lambda label: order.get(label, len(order)))
    roles: dict[Role, list[Arm]] = {"floor": [], "untrained": [], "trained": [], "outside": []}
    for label in ranked:
        objective = str(firsts.loc[label, "objective"])
        role: Role = "trained"
        if objective == "random_init":
            role = "untrained"
        elif objective == OUTSIDE:
            role = "outside"
        elif bool(firsts.loc[label, "is_floor"]):
            role = "floor"
        if role in COMPARED and label not in compared:
            compared.append(label)  # rows of an arm that the study does not name
        rank = compared.index(label) if role in COMPARED else 0
        roles[role].append(Arm(label, objective, role, rank))
    return [arm for arms in roles.values() for arm in arms]


def _ordered_settings(
    cells: Mapping[tuple[str, str, Setting], Cell],
    study: Study,
    corpora: list[int],
    splits: Sequence[float | None],
    readers: frozenset[str],
    unlabelled: frozenset[str],
) -> list[Setting]:
    """Return the settings of study and rows; first one that has rows, so that it can be shown."""
    protocols = {name: position for position, name in enumerate(study.protocols)}
    noises = {noise: position for position, noise in enumerate(study.noise)}
    points = {at.point: position for position, at in enumerate(points_of(study))}
    largest: dict[TrainSize, int] = {}
    for (_, _, setting), cell in cells.items():
        size = cell.n_train or 0
        largest[setting.train_size] = max(size, largest.get(setting.train_size, 0))

    def rank(setting: Setting) -> tuple[object, ...]:
        return (
            protocols.get(setting.protocol, len(protocols)),
            noises.get(setting.noise, len(noises)),
            points.get(setting.point, len(points)),
            -(setting.corpus_tokens or 0),
            -(setting.pretrain_ratio or 0),
            -largest.get(setting.train_size, 0),
            str(setting.train_size),
        )

    asked = {
        Setting(protocol, size, noise, tokens, protocol in unlabelled, split, point)
        for protocol in study.protocols
        if protocol not in readers
        for size in (("all",) if protocol in unlabelled else study.train_sizes)
        for noise in study.noise
        for tokens in (corpora if len(corpora) > 1 else [None])
        for split in splits
        for point in points
    }
    measured = {setting for _, _, setting in cells}
    ordered = sorted(asked | measured, key=rank)
    first = next(setting for setting in ordered if setting in measured)
    return [first, *(setting for setting in ordered if setting != first)]

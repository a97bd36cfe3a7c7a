"""Rows, arranged: one vector of values over seeds for each arm, task and setting.

The floors that need no encoder have no protocol and no pretraining corpus; they are read under
every protocol and corpus size of the study, so that each table carries them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from mae_bench.analysis.failures import Flags, Side
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.stats import interquartile_mean, iqm_interval, mean_intervals
from mae_bench.errors import DataError
from mae_bench.measures import PLAIN, Measure, measure_of
from mae_bench.results import parse_size, row_noise
from mae_bench.specs import CLEAN, CORPUS, Claim, Comparison, NoiseSpec, Study, TrainSize

Role = Literal["trained", "untrained", "floor"]


class Setting(NamedTuple):
    """Everything but the task that separates two columns of scores."""

    protocol: str
    train_size: TrainSize
    noise: NoiseSpec
    corpus_tokens: int | None  # None where the study has one corpus size only

    @property
    def label(self) -> str:
        """A phrase for captions, such as ``finetune, 200 labels, clean``."""
        return self.label_with(self.noise.label)

    @property
    def slug(self) -> str:
        """A name for files."""
        return self.slug_with(str(self.train_size), self.noise.label)

    def label_with(self, noise: str) -> str:
        """Return the phrase with another word for the noise, where several are shown."""
        size = self.train_size
        labels = f"{size:.0%} of the labels" if isinstance(size, float) else f"{size} labels"
        corpus = f", {self.corpus_tokens:,} corpus tokens" if self.corpus_tokens else ""
        return f"{self.protocol}, {labels}, {noise}{corpus}"

    def slug_with(self, size: str, noise: str) -> str:
        """Return the name for files with other words for size and noise."""
        parts = (self.protocol, size, noise, self.corpus_tokens)
        text = "_".join(str(part) for part in parts if part is not None)
        kept = "".join(c if c.isalnum() or c in ".%" else "-" for c in text.replace("_", " "))
        return "-".join(part for part in kept.replace("%", "pc").split("-") if part).lower()


class Arm(NamedTuple):
    """One side of the fight, as it stands in the rows."""

    label: str
    objective: str
    role: Role


@dataclass(frozen=True)
class Cell:
    """One arm on one task in one setting, over seeds.

    Attributes:
        values: [S] in the units of the metric, NaN where there is none.
        mean: over the seeds that have a value, collapsed runs included; NaN without any.
        low: lower end of the 95% t interval over seeds.
        high: its upper end.
        is_failed: [S] whether the seed's row is a failure.
        is_collapsed: [S] whether the seed's run is flagged as collapsed.
    """

    metric: str
    values: Array
    mean: float
    low: float
    high: float
    n_train: int | None
    is_failed: Flags
    is_collapsed: Flags

    @property
    def n(self) -> int:
        """Number of seeds with a value."""
        return int(np.isfinite(self.values).sum())

    @property
    def num_failed(self) -> int:
        """Number of seeds whose row is a failure."""
        return int(self.is_failed.sum())

    @property
    def num_collapsed(self) -> int:
        """Number of seeds whose run is flagged as collapsed."""
        return int(self.is_collapsed.sum())

    @property
    def measure(self) -> Measure:
        """How its metric is read."""
        return measure_of(self.metric)


@dataclass(frozen=True)
class Scores:
    """All primary metrics of a study.

    Attributes:
        settings: ordered; the first is the reference, which the top of the report shows: the
            study's first protocol and noise, with most pretraining text and most labels.
        cells: by (arm label, task, setting); a key is absent where nothing was run.
        corpus_protocols: those that read rows of the corpus in place of the tasks.
    """

    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    tasks: tuple[str, ...]
    settings: tuple[Setting, ...]
    cells: Mapping[tuple[str, str, Setting], Cell]
    corpus_protocols: frozenset[str] = frozenset()

    def tasks_in(self, setting: Setting) -> tuple[str, ...]:
        """Return the tasks of a setting: only the corpus, or all but the corpus."""
        is_read = setting.protocol in self.corpus_protocols
        return tuple(task for task in self.tasks if (task == CORPUS) == is_read)

    @property
    def reference(self) -> Setting:
        """The setting that the top of the report shows."""
        return self.settings[0]

    def metric(self, task: str, setting: Setting) -> str | None:
        """Return the metric of a column; None where nothing was run."""
        cells = (self.cells.get((arm.label, task, setting)) for arm in self.arms)
        return next((cell.metric for cell in cells if cell), None)

    def measure(self, task: str, setting: Setting) -> Measure:
        """Return how a column is read."""
        metric = self.metric(task, setting)
        return PLAIN if metric is None else measure_of(metric)

    def shared_measure(self, setting: Setting) -> Measure | None:
        """Return how all tasks of a setting are read; None where that differs: no mean then."""
        metrics = {self.metric(task, setting) for task in self.tasks_in(setting)} - {None}
        found = {measure_of(str(metric)) for metric in metrics} or {PLAIN}
        return found.pop() if len(found) == 1 else None

    def values(self, arm: str, task: str, setting: Setting) -> Array:
        """Return [S] values, all NaN where nothing was run."""
        cell = self.cells.get((arm, task, setting))
        return cell.values if cell else np.full(len(self.seeds), np.nan)

    def side(self, arm: str, task: str, setting: Setting) -> Side:
        """Return the values with their failures; nothing at all where nothing was run."""
        cell = self.cells.get((arm, task, setting))
        nothing = np.zeros(len(self.seeds), dtype=bool)
        if cell is None:
            return Side(np.full(len(self.seeds), np.nan), nothing, nothing)
        return Side(cell.values, cell.is_failed, cell.is_collapsed)

    def of_role(self, *roles: Role) -> list[Arm]:
        """Return the arms of these roles, in order."""
        return [arm for arm in self.arms if arm.role in roles]


def read_metrics(rows: pd.DataFrame, study: Study) -> dict[str, Scores]:
    """Return the scores of every other metric that a claim or reference names, if rows hold it."""
    sides: list[Claim | Comparison] = [
        *study.claims,
        *(reference.comparison for reference in study.references),
    ]
    named = {side.metric for side in sides if side.metric}
    found = {}
    for metric in named:
        is_it = rows["metric"] == metric
        places = set(zip(rows["protocol"][is_it], rows["task"][is_it], strict=True))
        everywhere = zip(rows["protocol"], rows["task"], strict=True)
        is_there = np.array([place in places for place in everywhere], dtype=bool)
        chosen = rows[is_it | (rows["failure"].notna() & is_there)]
        if not chosen.empty:
            scores = read_scores(chosen.assign(is_primary=True, metric=metric), study)
            tasks = tuple(t for t in scores.tasks if any(task == t for _, task, _ in scores.cells))
            found[metric] = replace(scores, tasks=tasks)
    return found


def read_scores(rows: pd.DataFrame, study: Study) -> Scores:
    """Arrange the primary rows of a study.

    Raises:
        DataError: no primary rows, or two rows for the same cell and metric.
    """
    table = rows[rows["is_primary"].fillna(True).astype(bool)].copy()
    if table.empty:
        raise DataError("there are no rows to report; run the study first (`mae-bench run`)")
    sizes = [parse_size(text) for text in table["train_size"].astype(str)]
    table["train_size"] = pd.Series(sizes, table.index, dtype=object)  # counts stay whole
    table["corpus_tokens"] = pd.to_numeric(table["corpus_tokens"]).fillna(-1).astype("int64")
    table["value"] = pd.to_numeric(table["value"]).where(table["failure"].isna()).astype(float)
    table["is_collapsed"] = table["is_collapsed"].fillna(False).astype(bool)
    columns = zip(table["noise"], table["noise_rate"], table["noise_where"], strict=True)
    noises = [row_noise(str(name), float(rate), str(where)) for name, rate, where in columns]
    table["noise"] = pd.Series(noises, table.index, dtype=object)
    corpora = sorted(set(table["corpus_tokens"]) - {-1})
    # What the study asks for and the rows lack must show as a gap, so the study is the frame.
    seeds = tuple(sorted({*study.seeds, *(int(seed) for seed in table["seed"].unique())}))
    readers = frozenset(table["protocol"][table["task"] == CORPUS])
    cells = _cells(table, study, seeds, corpora, readers)
    settings = tuple(_ordered_settings(cells, study, corpora, readers))
    others = sorted({task for _, task, _ in cells} - set(study.tasks))
    return Scores(
        seeds=seeds,
        arms=tuple(_arms(table, study)),
        tasks=(*study.tasks, *others),
        settings=settings,
        cells=cells,
        corpus_protocols=readers,
    )


def _cells(
    table: pd.DataFrame,
    study: Study,
    seeds: tuple[int, ...],
    corpora: list[int],
    readers: frozenset[str],
) -> dict[tuple[str, str, Setting], Cell]:
    place = {seed: position for position, seed in enumerate(seeds)}
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    keys = ("arm", "protocol", "task", "train_size", "noise", "corpus_tokens")
    used = [*keys, "seed", "metric", "value", "failure", "is_collapsed", "n_train"]
    records: list[dict[str, object]] = table[used].to_dict("records")  # type: ignore[assignment]
    for record in records:
        groups.setdefault(tuple(record[key] for key in keys), []).append(record)
    found: list[tuple[list[tuple[str, str, Setting]], dict[str, Any]]] = []
    for (arm, protocol, task, size, noise, corpus), rows in groups.items():
        values = np.full(len(seeds), np.nan)
        is_failed, is_collapsed = np.zeros((2, len(seeds)), dtype=bool)
        for row in rows:
            values[place[row["seed"]]] = row["value"]
            is_failed[place[row["seed"]]] = not pd.isna(row["failure"])
            is_collapsed[place[row["seed"]]] = bool(row["is_collapsed"])
        if len({row["seed"] for row in rows}) < len(rows):
            raise DataError(
                f"two rows for one cell: arm '{arm}', task '{task}', protocol '{protocol}', "
                f"size {size}, noise '{noise.label}'; each seed may have one primary row only"
            )
        of_tasks = [name for name in study.protocols if name not in readers]
        protocols = [protocol] if protocol in study.protocols else of_tasks
        sizes: list[int | None] = [None]
        if len(corpora) > 1:
            sizes = [corpus] if corpus != -1 else list(corpora)
        counts = [int(row["n_train"]) for row in rows if not pd.isna(row["n_train"])]
        content = {
            "metric": rows[0]["metric"],
            "values": values,
            "n_train": counts[0] if counts else None,
            "is_failed": is_failed,
            "is_collapsed": is_collapsed,
        }
        spread = [
            (arm, task, Setting(p, size, noise, tokens)) for p in protocols for tokens in sizes
        ]
        found.append((spread, content))
    stacked = np.stack([content["values"] for _, content in found], axis=1)
    lows, highs = mean_intervals(stacked)
    cells = {}
    for (spread, content), low, high in zip(found, lows, highs, strict=True):
        values = content["values"]
        mean = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
        cell = Cell(mean=mean, low=float(low), high=float(high), **content)
        for cell_key in spread:
            cells[cell_key] = cell
    return cells


def noise_name(noise: NoiseSpec) -> str:
    """Return a noise's label without its rate, such as ``typos (test)``."""
    return noise.name if noise == CLEAN else f"{noise.name} ({noise.where})"


def _arms(table: pd.DataFrame, study: Study) -> Iterable[Arm]:
    firsts = table.drop_duplicates("arm").set_index("arm")
    order = {arm.label: position for position, arm in enumerate(study.objectives)}
    ranked = sorted(firsts.index, key=lambda label: order.get(label, len(order)))
    roles: dict[Role, list[Arm]] = {"floor": [], "untrained": [], "trained": []}
    for label in ranked:
        objective = str(firsts.loc[label, "objective"])
        role: Role = "trained"
        if objective == "random_init":
            role = "untrained"
        elif bool(firsts.loc[label, "is_floor"]):
            role = "floor"
        roles[role].append(Arm(label, objective, role))
    return [*roles["floor"], *roles["untrained"], *roles["trained"]]


def _ordered_settings(
    cells: Mapping[tuple[str, str, Setting], Cell],
    study: Study,
    corpora: list[int],
    readers: frozenset[str],
) -> list[Setting]:
    """Return the settings of study and rows; first one that has rows, so that it can be shown."""
    protocols = {name: place for place, name in enumerate(study.protocols)}
    noises = {noise: place for place, noise in enumerate(study.noise)}
    largest: dict[TrainSize, int] = {}
    for (_, _, setting), cell in cells.items():
        size = cell.n_train or 0
        largest[setting.train_size] = max(size, largest.get(setting.train_size, 0))

    def rank(setting: Setting) -> tuple[object, ...]:
        return (
            protocols.get(setting.protocol, len(protocols)),
            noises.get(setting.noise, len(noises)),
            -(setting.corpus_tokens or 0),
            -largest.get(setting.train_size, 0),
            str(setting.train_size),
        )

    asked = {
        Setting(protocol, size, noise, tokens)
        for protocol in study.protocols
        if protocol not in readers
        for size in study.train_sizes
        for noise in study.noise
        for tokens in (corpora if len(corpora) > 1 else [None])
    }
    found = {setting for _, _, setting in cells}
    ordered = sorted(asked | found, key=rank)
    first = next(setting for setting in ordered if setting in found)
    return [first, *(setting for setting in ordered if setting != first)]


def summarise(values: Array) -> tuple[float, float, float]:
    """Return mean and 95% interval over the seeds that are there."""
    if not np.isfinite(values).any():
        return float("nan"), float("nan"), float("nan")
    low, high = mean_intervals(values[:, None])
    return float(np.nanmean(values)), float(low[0]), float(high[0])


def aggregate(scores: Scores, arm: str, setting: Setting) -> dict[str, float]:
    """Return mean and interquartile mean over the setting's tasks, of seeds that have them all."""
    tasks = scores.tasks_in(setting)
    stacked = np.stack([scores.values(arm, task, setting) for task in tasks], axis=1)
    stacked = stacked[np.isfinite(stacked).all(axis=1)]
    mean, low, high = summarise(stacked.mean(axis=1)) if len(stacked) else (float("nan"),) * 3
    iqm = interquartile_mean(stacked) if len(stacked) else float("nan")
    iqm_low, iqm_high = iqm_interval(stacked) if len(stacked) else (float("nan"),) * 2
    return {
        "mean": mean,
        "low": low,
        "high": high,
        "iqm": iqm,
        "iqm_low": iqm_low,
        "iqm_high": iqm_high,
        "n": len(stacked),
    }

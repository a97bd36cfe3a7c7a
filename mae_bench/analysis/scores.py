"""Scores: one vector of values over seeds for each arm, task and setting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from mae_bench.analysis.failures import Flags, Side
from mae_bench.analysis.messages import message, word
from mae_bench.analysis.moderated import Array
from mae_bench.analysis.stats import interquartile_mean, iqm_interval, mean_intervals
from mae_bench.measures import PLAIN, Measure, measure_of
from mae_bench.specs import CLEAN, CORPUS, NoiseSpec, TrainSize, per_class, percent

Role = Literal["trained", "outside", "untrained", "floor"]
Unread = frozenset[tuple[str, str]]  # protocol and task, which the study does not ask for
COMPARED: tuple[Role, ...] = ("trained", "outside")  # arms that others are compared with


@dataclass(frozen=True)
class Setting:
    """Everything but the task that separates two columns of scores.

    Attributes:
        corpus_tokens: None where the study has one corpus size only.
        is_unlabelled: whether its protocol learns from no label; the protocol decides it, so it
            makes no setting another.
        pretrain_ratio: share of one budget that the pretraining got; None without that axis.
    """

    protocol: str
    train_size: TrainSize
    noise: NoiseSpec
    corpus_tokens: int | None
    is_unlabelled: bool = field(default=False, compare=False)
    pretrain_ratio: float | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """The setting as verdicts name it: see `verdicts.Verdict.setting`."""
        axes = (self.corpus_tokens, self.pretrain_ratio)
        return (self.protocol, self.train_size, self.noise.label, *axes)

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
        labels = message("setting.labels", size=size)
        if size == "all":
            labels = message("setting.all_labels")
        if isinstance(size, float):
            labels = message("setting.share_of_labels", share=f"{size:.0%}")
        if (each := per_class(size)) is not None:
            labels = message("setting.labels_a_class", each=each)
        if self.is_unlabelled:
            labels = message("setting.no_labels")
        parts = [self.protocol, labels, word("setting", noise)]
        if self.corpus_tokens:
            parts.append(message("setting.corpus", tokens=f"{self.corpus_tokens:,}"))
        if self.pretrain_ratio is not None:
            parts.append(message("setting.split", share=percent(self.pretrain_ratio)))
        return message("setting.comma").join(parts)

    def slug_with(self, size: str, noise: str) -> str:
        """Return the name for files with other words for size and noise."""
        split = None if self.pretrain_ratio is None else f"{percent(self.pretrain_ratio)} split"
        parts = (self.protocol, size, noise, self.corpus_tokens, split)
        text = "_".join(str(part) for part in parts if part is not None)
        kept = "".join(c if c.isalnum() or c in ".%" else "-" for c in text.replace("_", " "))
        return "-".join(part for part in kept.replace("%", "pc").split("-") if part).lower()


class Arm(NamedTuple):
    """One side of the fight, as it stands in the rows.

    Attributes:
        rank: among the compared arms that the study names, whether they have rows or not: its
            colour, marker and dashes follow from it in every report of the study.
    """

    label: str
    objective: str
    role: Role
    rank: int = 0

    @property
    def shown(self) -> str:
        """The label, with what a reader of a table must know of the arm."""
        if self.role == "outside":
            return message("arm.outside", label=self.label)
        return self.label


@dataclass(frozen=True)
class Cell:
    """One arm on one task in one setting, over seeds.

    Attributes:
        values: [S] in the units of the metric, NaN where there is none; with several fine-tunes at
            a seed their mean, so that a seed which lacks one has none.
        mean: over the seeds that have a value, collapsed runs included; NaN without any.
        low: lower end of the 95% t interval over seeds.
        high: its upper end.
        is_failed: [S] whether the seed's row is a failure, or one of them.
        is_collapsed: [S] whether the seed's run is flagged as collapsed, or one of its fine-tunes.
        finetunes: [S, F] the values of single fine-tunes.
    """

    metric: str
    values: Array
    mean: float
    low: float
    high: float
    n_train: int | None
    is_failed: Flags
    is_collapsed: Flags
    finetunes: Array

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
    def sd(self) -> float:
        """Standard deviation over seeds; NaN for fewer than two."""
        return sample_sd(self.values)

    @property
    def measure(self) -> Measure:
        """How its metric is read."""
        return measure_of(self.metric)


@dataclass(frozen=True)
class Scores:
    """All primary metrics of a study.

    Attributes:
        settings: ordered; the first is the reference, which the top of the report shows: the
            study's first protocol and noise, with most pretraining text, the largest share of one
            budget and most labels.
        cells: by (arm label, task, setting); a key is absent where nothing was run.
        corpus_protocols: those that read rows of the corpus instead of the tasks.
        unread: pairs of a protocol and a task that the study does not ask for.
    """

    seeds: tuple[int, ...]
    arms: tuple[Arm, ...]
    tasks: tuple[str, ...]
    settings: tuple[Setting, ...]
    cells: Mapping[tuple[str, str, Setting], Cell]
    corpus_protocols: frozenset[str] = frozenset()
    unread: Unread = frozenset()

    def tasks_in(self, setting: Setting) -> tuple[str, ...]:
        """Return the tasks of a setting: only the corpus, or those that its protocol reads."""
        protocol = setting.protocol
        is_read = protocol in self.corpus_protocols
        return tuple(
            task
            for task in self.tasks
            if (task == CORPUS) == is_read and (protocol, task) not in self.unread
        )

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
        measures = {measure_of(str(metric)) for metric in metrics} or {PLAIN}
        return measures.pop() if len(measures) == 1 else None

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


def noise_name(noise: NoiseSpec) -> str:
    """Return a noise's label without its rate, such as ``typos (test)``."""
    return noise.name if noise == CLEAN else f"{noise.name} ({noise.where})"


def summarise(values: Array) -> tuple[float, float, float]:
    """Return mean and 95% interval over the seeds that are there."""
    if not np.isfinite(values).any():
        return float("nan"), float("nan"), float("nan")
    low, high = mean_intervals(values[:, None])
    return float(np.nanmean(values)), float(low[0]), float(high[0])


def sample_sd(values: Array) -> float:
    """Return the standard deviation over the seeds that are there; NaN for fewer than two."""
    there = values[np.isfinite(values)]
    return float(there.std(ddof=1)) if len(there) > 1 else float("nan")


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
        "sd": sample_sd(stacked.mean(axis=1)) if len(stacked) else float("nan"),
        "iqm": iqm,
        "iqm_low": iqm_low,
        "iqm_high": iqm_high,
        "n": len(stacked),
    }

"""What the number of a metric means: which direction is better, its unit, how it is written.

A task or protocol may write a metric only where it is declared here. Third parties declare theirs
in a module that the entry-point group ``mae_bench.metrics`` names, so that a report can be made
without torch. A name may end or begin in ``*``: one declaration for a family of metrics.
"""

import math
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

from mae_bench.errors import SpecError, UnknownNameError, near_match
from mae_bench.registry import Registry

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
POINTS = "points"
_Better = Literal["higher", "lower", "neither"]
_WRITTEN_OUT = 1e8  # a perplexity may be astronomical; above this, three digits and a power


@dataclass(frozen=True)
class Measure:
    """How to read a metric.

    Attributes:
        better: ``neither`` where more is just more; a claim on it is then that the treatment
            has more. It cannot decide a task or a protocol.
        unit: the word after a number. ``points`` are hundredths: the value is shown x 100.
        digits: decimals shown.
    """

    better: _Better = "higher"
    unit: str = POINTS
    digits: int = 1

    @property
    def sign(self) -> int:
        """What a difference is multiplied with, so that a gain is above 0."""
        return -1 if self.better == "lower" else 1

    @property
    def factor(self) -> int:
        """What a value is multiplied with to be shown."""
        return 100 if self.unit == POINTS else 1

    @property
    def is_plain(self) -> bool:
        """Whether it is read as most metrics are: in points, the more the better."""
        return self.unit == POINTS and self.better == "higher"

    def number(self, value: float, is_signed: bool = False) -> str:
        """Return a value as it is shown, with a true minus sign; "none" for one that is not."""
        if not math.isfinite(value):
            return "none"
        shown = self.factor * value
        kind = f",.{self.digits}f" if abs(shown) < _WRITTEN_OUT else ".3g"
        return format(shown, f"+{kind}" if is_signed else kind).replace("-", MINUS)

    def amount(self, value: float) -> str:
        """Return a value with its unit, as in a sentence: ``2.1 points``."""
        return f"{self.number(value)} {self.unit}"

    def described(self, metric: str) -> str:
        """Return a metric's name with what a reader must know beside it."""
        unit = [] if self.unit == POINTS or self.unit in metric else [self.unit]
        return ", ".join([metric, *unit, *self._way()])

    def described_shortly(self, metric: str) -> str:
        """Return a metric's name for a heading, with an arrow where lower is better."""
        unit = "" if self.unit == POINTS or self.unit in metric else f", {self.unit}"
        return f"{metric}{unit}" + (" \N{DOWNWARDS ARROW}" if self.better == "lower" else "")

    def _way(self) -> list[str]:
        return ["lower is better"] if self.better == "lower" else []


MEASURES: Registry[Measure] = Registry("metric", "metrics")


def declare(
    name: str,
    *,
    better: _Better,
    unit: str = POINTS,
    digits: int = 1,
) -> Measure:
    """Declare a metric, or with a ``*`` a family of them.

    Args:
        name: as rows write it.
        better: the direction that is better.
        unit: a word for sentences; ``points`` for shares and correlations.
        digits: decimals shown.

    Raises:
        DuplicateNameError: the name is declared already.
        SpecError: ``better`` is none of the three.
    """
    if better not in (allowed := get_args(_Better)):
        raise SpecError(
            f"metric '{name}': better must be {', '.join(allowed[:-1])} or {allowed[-1]}, got "
            f"{better!r}; say which direction is better"
        )
    return MEASURES.register(name)(Measure(better, unit, digits))


def measure_of(metric: str) -> Measure:
    """Return how a metric is read; its own declaration goes before that of a family.

    Raises:
        UnknownNameError: nobody declared it.
    """
    if metric in MEASURES:
        return MEASURES.get(metric)
    families = [name for name in MEASURES.names() if "*" in name and fnmatchcase(metric, name)]
    if families:
        return MEASURES.get(max(families, key=len))
    raise UnknownNameError(
        f"metric '{metric}' is not declared, so that nobody knows which direction is better; "
        f"declare('{metric}', better='higher') or 'lower', of mae_bench.measures, in a module that "
        "the entry-point group mae_bench.metrics names." + near_match(metric, MEASURES.names()),
        metric,
    )


PLAIN = Measure()

for _name in (
    "accuracy",
    "f1",
    "weighted_f1",
    "matthews",
    "pearson",
    "spearman",
    "masked_accuracy_*",
):
    declare(_name, better="higher")
for _name in ("span_f1", "span_precision", "span_recall", "word_accuracy"):
    declare(_name, better="higher")
for _name in ("micro_f1", "macro_f1", "subset_accuracy"):
    declare(_name, better="higher")
declare("auroc", better="higher")
for _name in ("mrr_at_10", "recall_at_*", "ndcg_at_10"):
    declare(_name, better="higher")
for _name in ("exact_match", "answer_f1", "cmrc_exact_match", "cmrc_f1"):
    declare(_name, better="higher")
for _name in ("rank_tau*", "entropy_rank*", "participation_ratio*", "iso_score"):
    declare(_name, better="higher")
declare("rank_lost_to_masks", better="lower")
# distinguishing masks is neither a gain nor a loss
declare("mask_probe", better="neither")
declare("mean_cosine", better="lower", unit="cosine", digits=3)
declare("alignment", better="lower", unit="squared distance", digits=3)
declare("uniformity", better="lower", unit="nats", digits=3)
declare("plateau_tokens", better="lower", unit="tokens", digits=0)
declare("perplexity_*", better="lower", unit="perplexity")
declare("loss", better="lower", unit="nats", digits=3)
declare("*_loss", better="lower", unit="nats", digits=3)  # final, validation, of parts
declare("relative_cost", better="lower", unit=f"{TIMES} mlm", digits=2)
declare("accuracy/*", better="higher")  # of a group of examples
declare("*_bits_per_character", better="lower", unit="bits", digits=3)
declare("*_perplexity_per_word", better="lower", unit="perplexity")
declare("masked_word_accuracy_*", better="higher")
declare("word_error_*", better="lower")

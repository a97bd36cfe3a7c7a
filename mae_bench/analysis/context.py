"""What a report is told beside the rows and the study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mae_bench.analysis.curves import Curve
from mae_bench.analysis.foreign import ForeignScore
from mae_bench.analysis.grid_families import Options
from mae_bench.analysis.messages import LANGUAGES
from mae_bench.analysis.score_tables import Spread
from mae_bench.analysis.scores import Unread
from mae_bench.specs import Written


@dataclass(frozen=True)
class ReportContext:
    """What a report shows beside the rows; everything may be left out.

    Attributes:
        curves: pretraining curves, as `curves.load_curves` reads them.
        provenance: as `provenance.collect_provenance` returns it, with anything that the caller
            adds, such as ``data``: checksums by name.
        tuning: one mapping for each arm: trials, cost, chosen options.
        tuning_edges: the sentence on options chosen at the edge of their search.
        notes: sentences to print near the top.
        reproduce: the command that makes these rows again.
        language: one of `messages.LANGUAGES`.
        spread: what tables of scores print after ±.
        unread: pairs of a protocol and a task that the study does not ask for.
        kinds: of the tasks, by name.
        options: of every arm, with its defaults, by label.
        written: of each claim whether it was there before any row.
        foreign: results that others published, as `foreign.read_foreign` reads them.
    """

    curves: Sequence[Curve] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    tuning: Sequence[Mapping[str, object]] | None = None
    tuning_edges: str = ""
    notes: Sequence[str] = ()
    reproduce: str | None = None
    language: str = LANGUAGES[0]
    spread: Spread = "interval"
    unread: Unread = frozenset()
    kinds: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=dict)
    written: Sequence[Written] = ()
    foreign: Sequence[ForeignScore] = ()

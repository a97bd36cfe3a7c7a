"""Failed and collapsed runs of both sides: counted, and held against the side that wins.

A test of a mean takes differences as symmetric about it. Runs that sometimes land on a plateau
break that: one in ten at -9 and the others at +1 have the mean 0, and six seeds often show only
the +1. So where the two sides failed or collapsed unequally, a verdict has to hold as well when
those runs count against the side that would win.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mae_bench.analysis.messages import message
from mae_bench.analysis.moderated import Array

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Side:
    """One side of a comparison in one task and setting, over S seeds.

    Attributes:
        values: [S], higher is better; NaN where there is none. All three may be [S, K], of K sides
            at once.
        is_failed: [S] whether the run ended without a value.
        is_collapsed: [S] whether the run is flagged as collapsed.
    """

    values: Array
    is_failed: Flags
    is_collapsed: Flags

    @property
    def is_lost(self) -> Flags:
        """[S] failed or collapsed runs; none where every seed is lost, which is not chance."""
        lost = self.is_failed | self.is_collapsed
        return lost & ~lost.all(axis=0)


@dataclass(frozen=True)
class Losses:
    """Runs of each side that failed and collapsed, over all conditions of a claim.

    Attributes:
        by_place: of a claim along an axis: the value, failed and collapsed runs there.
        is_even: whether all of these are alike; None for a claim that is along none.
    """

    treatment_failed: int = 0
    treatment_collapsed: int = 0
    control_failed: int = 0
    control_collapsed: int = 0
    by_place: tuple[tuple[str, int, int], ...] = ()
    is_even: bool | None = None

    def __add__(self, other: "Losses") -> "Losses":
        return Losses(
            self.treatment_failed + other.treatment_failed,
            self.treatment_collapsed + other.treatment_collapsed,
            self.control_failed + other.control_failed,
            self.control_collapsed + other.control_collapsed,
        )

    @property
    def num_failed(self) -> int:
        """Failed runs of both sides."""
        return self.treatment_failed + self.control_failed

    @property
    def num_collapsed(self) -> int:
        """Collapsed runs of both sides."""
        return self.treatment_collapsed + self.control_collapsed

    @property
    def are_equal(self) -> bool:
        """Whether both sides, or all places of an axis, failed and collapsed equally often."""
        if self.is_even is not None:
            return self.is_even
        return (self.treatment_failed, self.treatment_collapsed) == (
            self.control_failed,
            self.control_collapsed,
        )

    def sentence(self, treatment: str, control: str) -> str:
        """Return what happened on both sides; empty where nothing did."""
        if not self.num_failed and not self.num_collapsed:
            return ""
        if self.by_place:
            sides = [(message("claim.at", label=name), f, c) for name, f, c in self.by_place]
        else:
            sides = [
                (treatment, self.treatment_failed, self.treatment_collapsed),
                (control, self.control_failed, self.control_collapsed),
            ]
        colon = message("list.colon")
        said = [f"{name}{colon}{_count(f, c)}" for name, f, c in sides]
        return message("list.semicolon").join(said)


NO_LOSSES = Losses()


def _count(failed: int, collapsed: int) -> str:
    if not failed and not collapsed:
        return message("losses.none")
    return message("losses.some", failed=failed, collapsed=collapsed)


def count_losses(treatment: Side, control: Side) -> Losses:
    """Return the counts of both sides."""
    return Losses(
        int(treatment.is_failed.sum()),
        int(treatment.is_collapsed.sum()),
        int(control.is_failed.sum()),
        int(control.is_collapsed.sum()),
    )


def held_against(winner: Side, loser: Side, worst: float) -> Array:
    """Return [S] differences, winner minus loser, where lost runs count against the winner.

    A pair with a lost run is at most a tie: nobody knows what the run would have reached. Where
    the winner failed it gets the worst score there is. A seed that both lost stays as it is.

    Args:
        winner: the side that a verdict would favour.
        loser: the other.
        worst: the lowest score of any run in this task and setting.
    """
    # NaN where a run gave no value. A pair with one lost run becomes a tie below; a pair with two
    # stays as it is.
    differences = winner.values - loser.values
    is_one = winner.is_lost ^ loser.is_lost
    tied = np.minimum(np.nan_to_num(differences, nan=0.0), 0.0)
    low = np.where(is_one, tied, differences)
    is_worst = is_one & winner.is_failed & np.isfinite(loser.values)
    return np.where(is_worst, np.minimum(worst - loser.values, 0.0), low)

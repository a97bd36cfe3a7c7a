"""What a study says before its runs, and what others have published."""

from typing import Annotated, Literal

from pydantic import Field

from mae_bench.specs.base import Frozen, InWords, TrainSize


class Claim(Frozen):
    """A sentence that rows can support or refute, written down before the runs.

    ``task``, ``protocol``, ``train_size`` and ``noise`` narrow it; left out, the claim is read
    on the mean over all of them, rows of the corpus apart. ``metric`` names another metric than
    the primary one. Winning follows the metric: the lower perplexity wins. ``margin`` is in the
    metric's own number, as rows hold it: for ``superiority`` the treatment must win by more than
    the margin, for ``non_inferiority`` lose by less, for ``equivalence`` stay within it on both
    sides; these two need one.
    """

    sentence: str
    treatment: str
    control: str
    test: Literal["superiority", "non_inferiority", "equivalence"] = "superiority"
    margin: Annotated[
        float,
        Field(ge=0),
        InWords("a number of at least 0 in the metric's own unit; 0.01 of accuracy is a point"),
    ] = 0.0
    task: str | None = None
    protocol: str | None = None
    train_size: TrainSize | None = None
    noise: str | None = None
    metric: str | None = None


Letter = Literal["R", "P", "S", "I", "A", "computed"]


LETTERS: dict[str, str] = {
    "R": "seen in an official repository",
    "P": "seen in a stored full text of the paper",
    "S": "secondary notes, or a reproduction by others",
    "I": "an issue thread",
    "A": "abstract or review only",
    "computed": "worked out by the cost formula",
}


class Comparison(Frozen):
    """Which arms a published difference is between, and where; as in a claim."""

    treatment: str
    control: str
    task: str | None = None
    protocol: str | None = None
    train_size: TrainSize | None = None
    noise: str | None = None
    metric: str | None = None


class Reference(Frozen):
    """A published difference, to be set beside the one that is measured here.

    Attributes:
        text: what was published, in a phrase.
        value: treatment minus control, in the units of the metric that was published; None where
            only the direction is known, which is then in favour of the treatment.
        letter: how the number is known: a key of `LETTERS`.
        source: paper, table, repository.
        comparison: the nearest thing that this study measures.
    """

    text: str
    value: float | None = None
    letter: Letter
    source: str
    comparison: Comparison

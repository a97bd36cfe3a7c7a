"""Claims that a study makes before its runs, and published differences beside them."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mae_bench.specs.base import Frozen, InWords, TrainSize


class Claim(Frozen):
    """A sentence that rows can support or refute, written down before the runs.

    Winning follows the metric: the lower perplexity wins.

    Attributes:
        sentence: the claim in words, as the report prints it.
        treatment: label of the arm that the claim is about.
        control: label of the arm that it is compared with.
        test: what the treatment must do: win (superiority), lose by less than the margin
            (non_inferiority), or differ by less than the margin (equivalence).
        margin: in the metric's own unit, as rows hold it. Superiority must exceed it;
            non_inferiority and equivalence need one above 0.
        task: the only task that is read; left out, the mean over all tasks.
        protocol: the only protocol that is read; left out, the mean over all that read tasks.
        train_size: the only train size that is read; left out, the mean over all.
        noise: the only noise that is read; left out, the mean over all.
        grid: the only values of the study's grid that are read, by field; a list for any of
            several. Left out, the mean over all points where both arms are run.
        metric: another metric than the primary one.
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
    grid: Annotated[
        dict[str, Any], InWords("a mapping from fields of the grid to one value or a list")
    ] = {}
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
    """Which arms a published difference is between, and where; as in a claim.

    Attributes:
        treatment: label of the arm from which the control is subtracted.
        control: label of the arm that is subtracted.
        task: the only task that is read; left out, the mean over all tasks.
        protocol: the only protocol that is read; left out, the mean over all that read tasks.
        train_size: the only train size that is read; left out, the mean over all.
        noise: the only noise that is read; left out, the mean over all.
        grid: the only values of the study's grid that are read, by field; a list for any of
            several. Left out, the mean over all points where both arms are run.
        metric: another metric than the primary one.
    """

    treatment: str
    control: str
    task: str | None = None
    protocol: str | None = None
    train_size: TrainSize | None = None
    noise: str | None = None
    grid: Annotated[
        dict[str, Any], InWords("a mapping from fields of the grid to one value or a list")
    ] = {}
    metric: str | None = None


class Reference(Frozen):
    """A published difference, to be set beside the one that is measured here.

    Attributes:
        text: what was published, in a phrase.
        value: treatment minus control, in the units of the metric that was published; None where
            only the direction is known, which is then in favour of the treatment.
        letter: how the number is known: R, seen in an official repository; P, in the paper's
            full text; S, in secondary notes or a reproduction by others; I, in an issue thread;
            A, in an abstract or review; computed, by the cost formula.
        source: paper, table, repository.
        comparison: the nearest thing that this study measures.
    """

    text: str
    value: float | None = None
    letter: Letter
    source: str
    comparison: Comparison

"""Claims that a study makes before its runs, and published differences beside them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from mae_bench.specs.base import Frozen, InWords, Positive, TrainSize

Test = Literal[
    "superiority", "non_inferiority", "equivalence", "monotone", "ratio", "crossing", "spread"
]
Axis = Literal["train_size", "corpus_tokens", "pretrain_ratio", "noise_rate"]
Cost = Literal["pretrain_flops", "pretrain_s", "evaluate_flops", "evaluate_s"]
Written = Literal["before rows", "post hoc", "unknown"]  # when a home first saw a claim
AxisValue = Annotated[TrainSize | float, InWords("a value of the axis")]

AXES: tuple[Axis, ...] = get_args(Axis)
MIN_STEPS: dict[str, int] = {"monotone": 3, "crossing": 2}  # values of an axis
_OF_TEST = {  # keys beside those of every claim: required, allowed
    "superiority": ((), ("margin", "control_protocol")),
    "non_inferiority": ((), ("margin", "control_protocol")),
    "equivalence": ((), ("margin", "control_protocol")),
    "monotone": (("along", "direction"), ()),
    "crossing": (("along", "direction"), ("between",)),
    "ratio": (("cost", "expected", "tolerance"), ()),
    "spread": ((), ("control_protocol",)),
}
_OWN = tuple(dict.fromkeys(name for keys in _OF_TEST.values() for name in keys[0] + keys[1]))
_HOW = {  # how a key that is missing could be written
    "along": "along: train_size, or for monotone a list of arms",
    "direction": "direction: rises",
    "cost": "cost: pretrain_s",
    "expected": "expected: 0.5, or expected: formula for seconds",
    "tolerance": "tolerance: 0.1 for a tenth more or less",
}


class Claim(Frozen):
    """A sentence that rows can support or refute, written down before the runs.

    Winning follows the metric: the lower perplexity wins.

    Attributes:
        sentence: the claim in words, as the report prints it.
        treatment: label of the arm that the claim is about; not with arms in ``along``.
        control: label of the arm that it is compared with. A ``monotone`` claim without it is
            about the treatment's own scores, with it about treatment minus control.
        test: what the treatment must do: win (superiority), lose by less than the margin
            (non_inferiority), or differ by less than the margin (equivalence); rise or fall along
            an axis (monotone); pass the control along an axis (crossing); cost a given multiple of
            the control (ratio); vary less over seeds than the control (spread).
        margin: in the metric's own unit, as rows hold it. Superiority must exceed it;
            non_inferiority and equivalence need one above 0. Not for the other tests.
        along: the axis of ``monotone`` and ``crossing``, which the study has: train_size,
            corpus_tokens, pretrain_ratio, or noise_rate (`noise` says of which noise, and clean
            counts as rate 0). For ``monotone`` also a list of three or more arms, in their order.
        direction: which way the number goes along the axis, as rows hold it, whichever is better:
            of ``monotone`` the score, of ``crossing`` treatment minus control, which ``rises`` from
            below 0 to above 0 or ``falls``.
        between: the two values of the axis between which the sign of a ``crossing`` changes; left
            out, the first and the last.
        cost: what a ``ratio`` compares, of one pretraining or of the evaluations.
        expected: treatment over control, of a ``ratio``; ``formula`` is for seconds, and means the
            ratio of the FLOPs by the cost formulas.
        tolerance: by what part a ``ratio`` may be off: with 0.1 it may be 1.1 times as large, or
            as small, as expected.
        control_protocol: the protocol on which the control is read, where that is not the
            treatment's, such as another recipe of fine-tuning; control and treatment may then be
            one arm. Not for tests along an axis or of costs.
        task: the only task that is read; left out, the mean over all tasks.
        protocol: the only protocol that is read; left out, the mean over all that read tasks.
        train_size: the only train size that is read; left out, the mean over all.
        noise: the only noise that is read; left out, the mean over all.
        grid: the only values of the study's grid that are read, by field; a list for any of
            several. Left out, the mean over all points where both arms are run.
        metric: another metric than the primary one.
    """

    sentence: str
    treatment: Annotated[
        str, InWords("a text", implied="required, but for arms along which a claim is monotone")
    ]
    control: Annotated[str, InWords("a text", implied="required, but for monotone")]
    test: Test = "superiority"
    margin: Annotated[
        float,
        Field(ge=0),
        InWords("a number of at least 0 in the metric's own unit; 0.01 of accuracy is a point"),
    ] = 0.0
    along: Annotated[
        Axis | tuple[str, ...] | None,
        InWords(f"{', '.join(AXES[:-1])} or {AXES[-1]}, or a list of arms"),
    ] = None
    direction: Literal["rises", "falls"] | None = None
    between: Annotated[
        tuple[AxisValue, AxisValue] | None, InWords("a list of two values of the axis")
    ] = None
    cost: Cost | None = None
    expected: Annotated[
        Positive | Literal["formula"] | None, InWords("a number above 0 or 'formula'")
    ] = None
    tolerance: Positive | None = None
    control_protocol: str | None = None
    task: str | None = None
    protocol: str | None = None
    train_size: TrainSize | None = None
    noise: str | None = None
    grid: Annotated[
        dict[str, Any], InWords("a mapping from fields of the grid to one value or a list")
    ] = {}
    metric: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _sides(cls, given: object) -> object:
        """Fill in the arms that a monotone claim implies: the ends of its list, or no control."""
        if not isinstance(given, Mapping) or given.get("test") != "monotone":
            return given
        along, ends = given.get("along"), {"control": ""}
        if isinstance(along, list | tuple) and along:
            ends = {"treatment": along[-1], "control": along[0]}
        return {**ends, **given}

    @model_validator(mode="after")
    def _keys(self) -> Self:
        """Refuse keys that the test has no use for, and ask for those that it needs."""
        needed, allowed = _OF_TEST[self.test]
        for name in _OWN:
            is_given = getattr(self, name) != type(self).model_fields[name].default
            if is_given and name not in (*needed, *allowed):
                users = [test for test, keys in _OF_TEST.items() if name in keys[0] + keys[1]]
                raise ValueError(
                    f"{name} is not for test '{self.test}', got {getattr(self, name)!r}; it is for "
                    f"{', '.join(users)}: leave it out, or write one of these tests"
                )
            if name in needed and getattr(self, name) is None:
                raise ValueError(f"test '{self.test}' needs {name}; write {_HOW[name]}")
        if isinstance(self.along, tuple):
            self._check_arms(self.along)
        if self.test == "ratio":
            self._check_cost()
        self._check_fixed()
        self._check_control_protocol()
        return self

    @property
    def sides(self) -> tuple[str, str]:
        """Treatment and control as sentences name them, with protocols where these differ."""
        return named_sides(self)

    def _check_arms(self, arms: tuple[str, ...]) -> None:
        if self.test != "monotone":
            raise ValueError(
                f"along must name an axis of the study for test '{self.test}', got a list; name "
                f"one of {', '.join(AXES)}"
            )
        if len(set(arms)) < MIN_STEPS["monotone"] or len(set(arms)) < len(arms):
            raise ValueError(
                f"along must list at least {MIN_STEPS['monotone']} arms, each once, got "
                f"{', '.join(arms)}; two arms are compared by test 'superiority'"
            )
        if (self.treatment, self.control) != (arms[-1], arms[0]):
            raise ValueError(
                "treatment and control are the last and the first of the arms in along, got "
                f"'{self.treatment}' and '{self.control}'; leave both out"
            )

    def _check_cost(self) -> None:
        if self.expected == "formula" and not str(self.cost).endswith("_s"):
            raise ValueError(
                f"expected must be a number for cost '{self.cost}', got 'formula', by which rows "
                "count FLOPs anyway; write the ratio that is claimed, or compare seconds"
            )
        of_evaluations = ("task", "protocol", "train_size", "noise")
        unread = ["metric", *(of_evaluations if str(self.cost).startswith("pretrain") else ())]
        for name in unread:
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} is not read by a ratio of {self.cost}, got {getattr(self, name)!r}; "
                    "leave it out"
                )

    def _check_control_protocol(self) -> None:
        if self.control_protocol is not None and self.protocol in (None, self.control_protocol):
            raise ValueError(
                f"control_protocol must be another protocol than the treatment's, got "
                f"{self.control_protocol!r} beside protocol {self.protocol!r}; name both, such as "
                "protocol: finetune/large and control_protocol: finetune"
            )

    def _check_fixed(self) -> None:
        """Refuse one value of the axis along which the claim runs."""
        if self.along == "train_size" and self.train_size is not None:
            raise ValueError(
                f"train_size must be left out along train_size, got {self.train_size}: the claim "
                "is about all sizes"
            )


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
        control_protocol: the protocol on which the control is read, where it is another one.
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
    control_protocol: str | None = None
    task: str | None = None
    protocol: str | None = None
    train_size: TrainSize | None = None
    noise: str | None = None
    grid: Annotated[
        dict[str, Any], InWords("a mapping from fields of the grid to one value or a list")
    ] = {}
    metric: str | None = None


def named_sides(side: Claim | Comparison) -> tuple[str, str]:
    """Return treatment and control in words, with their protocols where these differ."""
    if side.control_protocol is None:
        return side.treatment, side.control
    return f"{side.treatment} ({side.protocol})", f"{side.control} ({side.control_protocol})"


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

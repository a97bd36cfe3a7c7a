"""What an objective with its options requires of its surroundings, and what it provides to others.

Both are plain values, computed once from parsed options; planning, training and the contract read
fields of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mae_bench.errors import SpecError
from mae_bench.masking import MASKINGS, RANDOM, Masking, MaskRatio, RatioSchedule, least_hiding
from mae_bench.specs import Frozen

MOVED = {  # from names of earlier versions to where they are said now
    "teacher_of": "requires(options).teacher",
    "wants_soft_targets": "requires(options).reads_soft_targets",
    "needs_lexicon": "requires(options).uses_lexicon",
    "needs_ngrams": "requires(options).uses_ngrams",
    "least_tokens": "requires(options).hides",
    "check_steps": "requires(options).shares",
    "restarts_at": "requires(options).restarts_at",
    "predictor": "provides(options).predictor",
    "soft_head": "provides(options).soft_head",
    "shows_targets": "provides(options).shows_targets",
    "moves_tokens": "provides(options).moves_tokens",
}


@dataclass(frozen=True)
class Requirements:
    """What must be there before an objective trains, and what its training needs.

    Attributes:
        teacher: the arm, folder or Hub id that must exist first, if it has a teacher.
        reads_soft_targets: whether it reads the teacher's logits, and not its hidden states alone.
        amortise_over: arms that share the price of the teacher's pretraining.
        uses_lexicon: whether ``self.lexicon`` must be there.
        uses_ngrams: whether the lexicon must hold the corpus' collocations.
        hides: each ratio, with its masking scheme, of which the loss needs at least one token of
            a text; empty where a text of one token has a loss too.
        shares: shares of the budget by label, each of which must be one training step at least.
        restarts_at: shares of the budget at which the optimizer forgets its moments.
        follows_progress: whether `corrupt` reads the share of the budget that is spent; a step
            is else recorded once for the whole training, with a progress of NaN.
        whole_batch: a sentence on why the loss needs all rows of a batch at once; empty where the
            loss of a batch is the mean of those of its parts.
        counts_apart: whether the loss has terms that are means over different numbers of tokens,
            so that parts of a batch add up only where no row is padded.
        sets_dropout: whether it trains with dropout whatever the backbone's ratio.
    """

    teacher: str | None = None
    reads_soft_targets: bool = False
    amortise_over: int = 1
    uses_lexicon: bool = False
    uses_ngrams: bool = False
    hides: tuple[tuple[MaskRatio, Masking], ...] = ()
    shares: tuple[tuple[str, float], ...] = ()
    restarts_at: tuple[float, ...] = ()
    follows_progress: bool = False
    whole_batch: str = ""
    counts_apart: bool = False
    sets_dropout: bool = False

    def least_tokens(self, row_length: int) -> int:
        """Return the tokens that a text must have for the loss to predict one of them.

        Of a schedule at its least ratio; 1 where nothing is hidden from a text.
        """
        return max((least_hiding(*hidden, row_length) for hidden in self.hides), default=1)

    def check_steps(self, steps: int) -> None:
        """Raise SpecError where so few training steps leave a part of the objective out."""
        for label, share in self.shares:
            if share * steps < 1:
                raise SpecError(
                    f"phase '{label}' is shorter than a step: its share {share:g} of "
                    f"{steps} steps is {share * steps:.2g}; raise its share or the budget"
                )


@dataclass(frozen=True)
class Predictor:
    """The objective as which a checkpoint predicts hidden tokens.

    Attributes:
        objective: its registered name; it has a `mask_ratio`, and no teacher.
        options: of it.
        prefix: of its tensors in the checkpoint's `state_to_save`.
    """

    objective: str
    options: Mapping[str, object]
    prefix: str = ""


@dataclass(frozen=True)
class Scorer(Predictor):
    """The objective as which a checkpoint says how likely a text's tokens are.

    Its `Objective.score_tokens` answers, for the positions that ``Draws.hidden`` names, and for
    every token where it reads from left to right.

    Attributes:
        is_left_to_right: whether a token's likelihood is that after the tokens before it, which
            make the likelihood of the text; else after all others (a pseudo-likelihood).
    """

    is_left_to_right: bool = False


@dataclass(frozen=True)
class Provisions:
    """What a trained checkpoint can be asked for, and what its views show by design.

    Attributes:
        predictor: what to ask for hidden tokens, at any mask ratio; None where nothing predicts.
        soft_head: where `state_to_save` holds a head that can give soft targets, if there is one:
            a trained `VocabularyHead` over the encoder's output that names the token at its own
            position, in rows that the encoder reads as a plain mlm's does. A head that names the
            next token, classes, or what a decoder made gives none.
        scorer: what to ask for the likelihood of tokens; None where nothing names tokens.
        shows_targets: whether the encoder sees by design the tokens that are predicted.
            Undeclared, a target that shows is a leak.
        moves_tokens: whether tokens are shown by design at other positions than in the row.
        places: of the places whose tokens are predicted, the shares in which the encoder sees no
            token of the text, a random one, and the token itself: what can be guessed there from
            that place alone is no reading of the row (`plateau.place_entropy`). None where its
            loss is not declared to be that of such tokens alone.
    """

    predictor: Predictor | None = None
    soft_head: str | None = None
    shows_targets: bool = False
    moves_tokens: bool = False
    scorer: Scorer | None = None
    places: tuple[float, float, float] | None = None


def requirements_of(options: Frozen) -> Requirements:
    """Return what the options that many objectives share require.

    What the option ``masking`` needs, a token hidden by ``mask_ratio``, progress where a ratio
    moves, and whole batches where the encoder's output is regularised, if there are such options.
    """
    masking, ratio = getattr(options, "masking", None), getattr(options, "mask_ratio", None)
    scheme = None if masking is None else MASKINGS.get(masking.scheme)
    is_regularised = getattr(options, "is_regularised", False)
    return Requirements(
        uses_lexicon=scheme is not None and scheme.needs_lexicon,
        uses_ngrams=scheme is not None and scheme.needs_ngrams,
        hides=() if ratio is None else ((ratio, masking or RANDOM),),
        follows_progress=any(isinstance(value, RatioSchedule) for _, value in options),
        whole_batch="variance and covariance are those of a batch" if is_regularised else "",
    )

"""The split of one compute budget between pretraining and fine-tuning, as an axis of a study."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mae_bench.costs import StepShape, training_passes
from mae_bench.data.adopt_tokenizer import num_tokens
from mae_bench.data.encoders import parse_hub_encoder
from mae_bench.errors import SpecError
from mae_bench.planning.arms import ResolvedArm
from mae_bench.planning.recipes import recipe_of
from mae_bench.plurals import counted
from mae_bench.specs import Budget, BudgetSplit, FinetuneRecipe, Study, TrainSize, at_share
from mae_bench.user_paths import user_path

_FEWEST_TOKENS = 3  # of a text: two special tokens and one of its own


@dataclass(frozen=True)
class Split:
    """One value of the axis; all is None where a study has none.

    Attributes:
        pretrain_ratio: share of the budget that the pretraining gets.
        budget: of one pretraining; None also at ratio 0, where there is none.
        train_flops: what is left for one fine-tune.
    """

    pretrain_ratio: float | None = None
    budget: Budget | None = None
    train_flops: float | None = None

    def named(self, label: str) -> str:
        """Return a label with the share of the pretraining, where there is an axis."""
        return label if self.pretrain_ratio is None else at_share(label, self.pretrain_ratio)


NO_SPLIT = Split()


def splits_of(study: Study) -> tuple[Split, ...]:
    """Return the values of the axis, or the one without any."""
    split = study.budget_split
    if split is None:
        return (NO_SPLIT,)
    return tuple(_split(split, ratio) for ratio in split.pretrain_ratios)


def _split(whole: BudgetSplit, ratio: float) -> Split:
    pretrain = ratio * whole.flops
    return Split(ratio, Budget(flops=pretrain) if pretrain else None, whole.flops - pretrain)


def with_split_budget(study: Study) -> Study:
    """Return a study whose pretraining has the budget that is shared out, if it has one.

    Raises:
        SpecError: the study names another budget for its pretraining.
    """
    if study.budget_split is None:
        return study
    whole, given = Budget(flops=study.budget_split.flops), study.pretrain.budget
    if "budget" in study.pretrain.model_fields_set and given != whole:
        ((unit, value),) = given.model_dump(exclude_none=True).items()
        raise SpecError(
            f"pretrain.budget of {value:g} {unit} stands beside budget_split, which gives each "
            "pretraining its share of one budget in FLOPs; leave out one of the two",
            key_path=("pretrain", "budget"),
        )
    pretrain = study.pretrain.model_copy(update={"budget": whole})
    return study.model_copy(update={"pretrain": pretrain})


def check_budget_split(study: Study, arms: tuple[ResolvedArm, ...]) -> list[str]:
    """Refuse what cannot share a budget, and shares that do not buy one step.

    Steps are checked as far as their cost is known before text is read; at the run all of them are.

    Returns:
        Sentences on what the study sets and the axis replaces.

    Raises:
        SpecError: the first of them.
    """
    if study.budget_split is None:
        return []
    _check_beside(study)
    for split in splits_of(study):
        if split.budget is not None:
            for arm in arms:
                _check_pretraining(study, arm, arms, split)
        for protocol in study.protocols:
            _check_finetune(study, protocol, split)
    replaced = ("epochs", "min_steps")
    return [
        f"{name}.{field} moves nothing, for budget_split says how many steps a fine-tune has; drop "
        "it"
        for name in study.protocols
        for field in replaced
        if field in recipe_of(study, name).model_fields_set
    ]


def _check_beside(study: Study) -> None:
    """Refuse what has no meaning beside the axis."""
    from mae_bench.protocols.base import PROTOCOLS

    if study.corpus_tokens:
        raise SpecError(
            "budget_split and corpus_tokens are both axes of the pretraining, got both; leave one "
            "out, or write a study for each size with corpus.tokens",
            key_path=("corpus_tokens",),
        )
    if study.encoders:
        labels = ", ".join(encoder.label for encoder in study.encoders)
        raise SpecError(
            f"budget_split shares a budget with the pretraining, and encoders name what was not "
            f"pretrained here ({labels}); leave them out, or put them into a study of their own",
            key_path=("encoders",),
        )
    spending = [name for name, part in PROTOCOLS if part.spends_flops]
    for name in study.protocols:
        if not PROTOCOLS.get(name).spends_flops:
            raise SpecError(
                f"protocols: '{name}' does not train the encoder for the FLOPs that budget_split "
                f"leaves it; those that do: {', '.join(spending)}. Name one of them, or put "
                f"'{name}' into a study of its own",
                name,
            )


def _check_pretraining(
    study: Study, arm: ResolvedArm, arms: tuple[ResolvedArm, ...], split: Split
) -> None:
    vocab_size, teacher = _vocab_size(study), arm.requires.teacher
    is_taught = teacher in [other.label for other in arms]
    if not arm.kind.is_trained or vocab_size is None:
        return
    assert split.budget is not None and split.budget.flops is not None
    shape = StepShape(
        study.backbone, study.pretrain.batch_rows, study.corpus.row_length, vocab_size
    )
    price = arm.kind.flops_per_step(arm.options, shape)
    step, costs = price.total, "costs"
    if teacher is not None and not is_taught:  # it has sizes of its own, which its run prices
        step, costs = step - price.teacher, "costs at least"
    left = split.budget.flops * (1 - 1 / arm.requires.amortise_over if is_taught else 1)
    if left < step:
        raise SpecError(
            f"budget_split: a pretrain_ratio of {split.pretrain_ratio:g} leaves {left:.3g} FLOPs "
            f"for the steps of arm '{arm.label}', of which one {costs} {step:.3g}; raise "
            "budget_split.flops, lower pretrain.batch_rows, or leave that ratio out",
            key_path=("budget_split", "pretrain_ratios"),
        )


def _check_finetune(study: Study, protocol: str, split: Split) -> None:
    recipe = recipe_of(study, protocol)
    if not isinstance(recipe, FinetuneRecipe):
        return
    assert split.train_flops is not None
    rows = min(_smallest_batch(size, recipe.batch_size) for size in study.train_sizes)
    step = StepShape(study.backbone, rows, _FEWEST_TOKENS, 1).encoder(
        passes=training_passes(recipe)
    )
    if split.train_flops < step:
        raise SpecError(
            f"budget_split: a pretrain_ratio of {split.pretrain_ratio:g} leaves "
            f"{split.train_flops:.3g} FLOPs for '{protocol}', of which one step costs {step:.3g} "
            "even on the shortest texts; raise budget_split.flops, or leave that ratio out",
            key_path=("budget_split", "pretrain_ratios"),
        )


def _smallest_batch(size: TrainSize, batch_size: int) -> int:
    """Return the fewest texts that a step may read; an epoch may end with a smaller batch."""
    return size % batch_size or batch_size if isinstance(size, int) else 1


def _vocab_size(study: Study) -> int | None:
    """Return the vocabulary's size as far as it is known before anything is fetched."""
    spec = study.corpus.tokenizer
    if spec.origin is None:
        return spec.vocab_size
    return None if parse_hub_encoder(spec.origin) else num_tokens(user_path(spec.origin))


def finetune_steps(study: Study, fill_ratio: float) -> Iterator[str]:
    """Yield a sentence for each protocol: about how many steps its fine-tunes have.

    Args:
        study: checked.
        fill_ratio: share of ``max_length`` that a text has, roughly.
    """
    shares = [split.train_flops for split in splits_of(study) if split.train_flops is not None]
    for name in study.protocols if shares else ():
        recipe = recipe_of(study, name)
        if not isinstance(recipe, FinetuneRecipe):
            continue
        length = math.ceil(recipe.max_length * fill_ratio)
        shape = StepShape(study.backbone, recipe.batch_size, length, 1)
        step = shape.encoder(passes=training_passes(recipe))
        few, many = (round(share / step) for share in (min(shares), max(shares)))
        least = f"{few:,} to " if few < many else ""
        yield (
            f"{least}{counted(many, 'step')} of a fine-tune under '{name}', if the "
            f"{recipe.batch_size} texts of a step have {length} tokens each"
        )

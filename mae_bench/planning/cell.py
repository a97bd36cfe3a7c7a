"""One evaluation that a study asks for, which becomes rows."""

from dataclasses import dataclass

from mae_bench.specs import ArmSpec, NoiseSpec


@dataclass(frozen=True, slots=True)
class Cell:
    """One evaluation of the study: an arm on a task under one setting and seed.

    Attributes:
        arm: with its final options.
        is_floor: whether it needs no encoder.
        corpus_tokens: the value of that axis, or None.
        pretrain_ratio: share of `budget_split` that its pretraining got, or None.
        task: a registered name; None where the protocol reads the corpus.
        protocol: a registered name.
        train_size: labels to learn from.
        noise: of the text.
        seed: of the study; cells of one seed are compared in pairs.
        finetune_seed: which evaluation of the checkpoint at this seed; 0 where there is one.
        pretrain_seed: differs from ``seed`` where only fine-tunes are repeated.
        pretrain: id of its pretraining; None for a floor, and for an encoder from outside.
        encoder: id of that encoder, or None.
        evaluate: id of its evaluation, which cells of several test noises share.
        id: of the cell.
    """

    arm: ArmSpec
    is_floor: bool
    corpus_tokens: int | None
    pretrain_ratio: float | None
    task: str | None
    protocol: str
    train_size: int | float | str
    noise: NoiseSpec
    seed: int
    finetune_seed: int
    pretrain_seed: int | None
    pretrain: str | None
    encoder: str | None
    evaluate: str
    id: str

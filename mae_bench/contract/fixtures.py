"""Any registered objective on random rows: what checks of the contract and timings look at.

Legend: B rows, L positions, V token ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mae_bench.draws import Block, Draws
from mae_bench.masking import CLS_ID, NUM_SPECIAL, PAD_ID, SEP_ID, Lexicon
from mae_bench.masking.ngrams import hash_windows
from mae_bench.model.backbone import build_backbone
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import OBJECTIVES, Objective, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json
from mae_bench.specs import BackboneSpec

SPEC = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=64)
V, B, L = 90, 6, 24
ALIKE = 17
FLOPS_SHAPES = (  # layers, width, heads, tokens a row, rows
    (1, 32, 2, 24, 6),
    (2, 64, 2, 40, 3),
    (3, 48, 4, 16, 5),
)
FLOPS_TOLERANCE = 0.01  # against what torch counts


@dataclass(frozen=True)
class Fixture:
    """One objective with options, and a folder where its checkpoints and teacher may lie."""

    name: str
    options: Mapping[str, Any]
    folder: Path

    @property
    def kind(self) -> type[Objective]:
        """The registered class."""
        return OBJECTIVES.get(self.name)

    def teacher_folder(self, spec: BackboneSpec = SPEC, vocab_size: int = V) -> Path:
        """Return where the teacher of such an encoder is, once it has been made."""
        return self.folder / f"teacher-{spec.layers}-{spec.width}-{spec.arch}-{vocab_size}"

    def make(
        self,
        seed: int = 0,
        spec: BackboneSpec = SPEC,
        options: Mapping[str, object] | None = None,
        vocab_size: int = V,
        row_length: int = L,
    ) -> Objective:
        """Return the objective on a fresh backbone; a teacher is an mlm that was never trained."""
        parsed = parse_options(self.name, self.options if options is None else options)
        self.kind.check(parsed, spec, row_length)
        requires = self.kind.requires(parsed)
        teacher = None
        if requires.teacher is not None:
            teacher = self.teacher_folder(spec, vocab_size)
            if not teacher.exists():
                teacher.mkdir(parents=True)
                mlm = Fixture("mlm", {}, self.folder).make(
                    9, spec, vocab_size=vocab_size, row_length=row_length
                )
                save_checkpoint(mlm, teacher, teacher)
                write_json({"objective": "mlm", "options": {}}, teacher / SPEC_FILE)
        return self.kind(
            build_backbone(spec, vocab_size, seed),
            spec,
            parsed,
            seed=seed,
            teacher=teacher,
            lexicon=lexicon(vocab_size) if requires.uses_lexicon else None,
        )


def rows(
    is_padded: bool = False, count: int = B, length: int = L, vocab_size: int = V, seed: int = 0
) -> Block:
    """Return random rows; padded ones have several lengths."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(NUM_SPECIAL, vocab_size, (count, length), generator=generator)
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    if not is_padded:
        return Block(ids)
    for row, end in enumerate([length, length - 1, length // 2, 7, 6, length][:count]):
        ids[row, end - 1], ids[row, end:] = SEP_ID, PAD_ID
    return Block(ids, ids == PAD_ID)


def draws(count: int = B, epoch: int = 0) -> Draws:
    """Return the draws of a step on rows 0, 1, and so on."""
    return Draws(0, epoch, torch.arange(count))


def lexicon(vocab_size: int = V) -> Lexicon:
    """Return a lexicon in which tokens 17 apart are alike, so that one may stand for another.

    Six of seventeen kinds continue a word, low kinds are frequent, and of the pairs of the first
    tokens a fifth are collocations.
    """
    ids = torch.arange(vocab_size)
    kind = (ids - NUM_SPECIAL) % ALIKE
    first = ids[NUM_SPECIAL:V]
    pairs = torch.cartesian_prod(first, first)
    pairs = pairs[kind[pairs].sum(1) % 5 == 0]
    return Lexicon(
        counts=10_000 // (kind + 1),
        is_word_start=kind % 3 != 2,
        first_char=torch.where(ids < NUM_SPECIAL, 0, 1 + ids % 7),
        ngrams=hash_windows(pairs, 2)[:, 0].sort().values,
    )

"""A frozen teacher: an arm's checkpoint, or any masked language model or encoder elsewhere.

Legend: B rows, S tokens a row, N predicted tokens, D teacher width, V vocabulary size.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from mae_bench.errors import SpecError
from mae_bench.model.backbone import Backbone, load_backbone
from mae_bench.model.layers import layer_numbers, layer_pattern
from mae_bench.model.vocabulary import VocabularyHead

OBJECTIVE_FILE = "objective.safetensors"
SPEC_FILE = "spec.json"  # beside it, once the pretraining has ended
AtTargets = Callable[[Tensor], Tensor]  # [B, S, X] -> [N, X]


class Teacher(nn.Module):
    """An encoder with frozen weights, always in evaluation mode."""

    has_head = False

    def __init__(self, backbone: Backbone) -> None:
        """Freeze the encoder."""
        super().__init__()
        self.backbone = backbone
        self.freeze()

    def freeze(self) -> None:
        """Stop gradients and dropout for good."""
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever the student does."""
        return super().train(False)

    @property
    def width(self) -> int:
        """Hidden size D."""
        return self.backbone.width

    @property
    def vocab_size(self) -> int:
        """Number of token ids V."""
        return self.backbone.vocab_size

    def forward(
        self,
        input_ids: Tensor,
        positions: Tensor,
        is_pad: Tensor | None,
        at_targets: AtTargets | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return hidden states [B, S, D], and logits [N, V] where there is a head.

        Without ``at_targets`` no logits are wanted, and none are computed.
        """
        return self.backbone(input_ids, positions, is_pad), None


class ArmTeacher(Teacher):
    """A checkpoint of this suite whose head reads the encoder's output."""

    has_head = True

    def __init__(self, backbone: Backbone, head: dict[str, Tensor]) -> None:
        """Rebuild the vocabulary head from its saved weights; it reads what mlm's reads."""
        super().__init__(backbone)
        self.head = VocabularyHead(backbone.width, backbone.width, backbone.vocab_size, seed=0)
        self.head.load_state_dict(head)
        self.freeze()

    def forward(
        self,
        input_ids: Tensor,
        positions: Tensor,
        is_pad: Tensor | None,
        at_targets: AtTargets | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return hidden states, and logits of the head at the targets only."""
        hidden = self.backbone(input_ids, positions, is_pad)
        if at_targets is None:
            return hidden, None
        return hidden, self.head(at_targets(hidden), self.backbone.embedding.weight)


class OutsideTeacher(Teacher):
    """A masked language model in transformers' own format, with its own head."""

    has_head = True

    def __init__(self, model: Any) -> None:
        """Wrap an AutoModelForMaskedLM."""
        super().__init__(Backbone(model.base_model))
        self.model = model
        self.freeze()

    def forward(
        self,
        input_ids: Tensor,
        positions: Tensor,
        is_pad: Tensor | None,
        at_targets: AtTargets | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return hidden states, and logits made at all positions and read at the targets."""
        if at_targets is None:
            return self.backbone(input_ids, positions, is_pad), None
        output = self.model(
            input_ids=input_ids,
            position_ids=positions,
            attention_mask=None if is_pad is None else (~is_pad).to(torch.int64),
            output_hidden_states=True,
        )
        return output.hidden_states[-1], at_targets(output.logits)


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder was written by a pretraining of this suite."""
    return (folder / OBJECTIVE_FILE).exists()


def load_teacher(folder: Path, head: str | None) -> Teacher:
    """Return the teacher in a folder (or of a Hub id, given as a path).

    Args:
        folder: a checkpoint of this suite, or an encoder from elsewhere.
        head: where a checkpoint of this suite holds the vocabulary head that is used; None for
            the encoder alone. An encoder from elsewhere says itself what head it has.
    """
    backbone = load_backbone(folder)
    if is_checkpoint(folder):
        if head is None:
            return Teacher(backbone)
        own = f"{head}."
        saved = load_file(folder / OBJECTIVE_FILE).items()
        return ArmTeacher(backbone, {k.removeprefix(own): v for k, v in saved if k.startswith(own)})
    architectures = getattr(backbone.config, "architectures", None) or []
    if any(name.endswith("ForMaskedLM") for name in architectures):
        from transformers import AutoModelForMaskedLM

        return OutsideTeacher(
            AutoModelForMaskedLM.from_pretrained(
                str(folder), use_safetensors=True, dtype=torch.float32
            )
        )
    return Teacher(backbone)


@torch.no_grad()
def copy_layers(teacher: nn.Module, student: nn.Module) -> None:
    """Give a student encoder the teacher's embeddings, norms and evenly spaced layers.

    Layer i of n gets layer floor(i * m / n) of the teacher's m: every other one where the teacher
    is twice as deep. Source: Sanh et al. 2019, arXiv:1910.01108, who picked the six by hand.

    Raises:
        SpecError: the teacher is shallower, or of another kind or size.
    """
    given, wanted = teacher.state_dict(), student.state_dict()
    num_given, num_wanted = (len(layer_numbers(model)) for model in (teacher, student))
    of_layer = layer_pattern(student)
    if num_given < num_wanted:
        raise SpecError(
            f"initialise_from_teacher needs a teacher of at least {num_wanted} layers named as the "
            f"student's, got one of {num_given}; choose a deeper teacher or a shallower backbone"
        )

    def source(name: str) -> str:
        return of_layer.sub(lambda m: f"{m[1]}{int(m[2]) * num_given // num_wanted}.", name)

    for name, value in wanted.items():
        source_value = given.get(source(name))
        if source_value is None or source_value.shape != value.shape:
            got = "none" if source_value is None else str(list(source_value.shape))
            raise SpecError(
                "initialise_from_teacher needs a teacher of the student's architecture, width and "
                f"positions: '{name}' is {list(value.shape)} in the student, the teacher's "
                f"'{source(name)}' is {got}; choose another teacher or match the backbone"
            )
        value.copy_(source_value)

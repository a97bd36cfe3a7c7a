"""An outside encoder's own head, asked for tokens as our objectives are.

A hidden token is the tokenizer's mask token. A text stands in the frame that its tokenizer puts
around it; from left to right what stands after it is left out, and before a text that has nothing
before it stands the token that begins texts, or else the one that ends them, as in
lm-evaluation-harness, so that the first token of the text is scored too.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from mae_bench.data.encoder_files import read_config
from mae_bench.data.encoder_heads import named_head
from mae_bench.errors import SpecError
from mae_bench.model.head_folder import HeadModel
from mae_bench.protocols.token_head import TokenHead
from mae_bench.specs import Precision
from mae_bench.training.precision import autocast
from mae_bench.training.token_roles import special_tokens

MAX_LOGITS = 1 << 27  # that are held at once


class OutsideHead(TokenHead):
    """A masked language model, or a causal one, of transformers.

    It costs what its encoder does, and the matrix that makes logits.
    """

    def __init__(
        self, folder: Path, model: HeadModel, *, precision: Precision, device: str, max_length: int
    ) -> None:
        """Take a model that was read, and check its tokenizer.

        Raises:
            SpecError: the tokenizer has no mask token, nothing that can stand before a text, or no
                places of its tokens in the text, or the encoder has too few positions.
        """
        super().__init__(
            folder, model.config, precision=precision, device=device, max_length=max_length
        )
        self.name = f"the {model.config.model_type} in '{folder}'"
        self.model, self.is_left_to_right = model, model.kind == "causal"
        if not self.tokenizer.is_fast:
            raise SpecError(
                f"the tokenizer in '{folder}' does not tell where its tokens stand in a text, "
                "which words are counted by; write its fast form (tokenizer.json) by "
                "save_pretrained, or choose another encoder"
            )
        self.before, self.after = self._frame(folder)
        self._mask_id = self._own_mask(folder)

    def score(self, ids: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """Ask the head at the hidden positions, or before each token of the text."""
        if hidden is None:
            positions = torch.arange(len(self.before), ids.shape[1], device=ids.device)
            asked = positions.expand(len(ids), -1)
            given, at = ids, asked - 1
        else:
            given, asked, at = self._masked(ids, hidden), hidden, hidden
        size = max(1, MAX_LOGITS // max(1, asked.shape[1] * self.model.vocab_size))
        nats, is_best = [], []
        for start in range(0, len(ids), size):
            part = slice(start, start + size)
            logits = self._logits(given[part], at[part])
            targets = ids[part].gather(1, asked[part]).flatten()
            nats.append(-F.cross_entropy(logits, targets, reduction="none"))
            is_best.append(logits.argmax(-1) == targets)
        return torch.cat(nats), torch.cat(is_best)

    def logits(self, ids: Tensor, hidden: Tensor) -> Tensor:
        """Ask the head at the hidden positions."""
        return self._logits(self._masked(ids, hidden), hidden)

    def _masked(self, ids: Tensor, hidden: Tensor) -> Tensor:
        return ids.scatter(1, hidden, self._mask_id)

    def _logits(self, ids: Tensor, at: Tensor) -> Tensor:
        with torch.inference_mode(), autocast(self._device, self._precision):
            logits = self.model.logits(ids, at)
        self._readings.add_reading(ids.shape)
        self._further += 2.0 * at.numel() * self.model.output_weights
        return logits.flatten(0, 1).float()  # a softmax over V tokens adds up what bf16 drops

    def _frame(self, folder: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the ids that the tokenizer puts before and after a text."""
        before, after = special_tokens(self.tokenizer, 1)
        if not self.is_left_to_right:
            return tuple(before), tuple(after)
        first = [self.tokenizer.bos_token_id, self.tokenizer.eos_token_id]
        before = before or [id_ for id_ in first if id_ is not None][:1]
        if not before:
            raise SpecError(
                f"the tokenizer in '{folder}' has no token that begins or ends texts, after which "
                "a text's first token could be scored; name its bos_token, or choose another "
                "encoder"
            )
        return tuple(before), ()

    def _own_mask(self, folder: Path) -> int:
        mask: int | None = self.tokenizer.mask_token_id
        if mask is None and not self.is_left_to_right:
            raise SpecError(
                f"the tokenizer in '{folder}' has no mask token, by which its head for hidden "
                "tokens is asked; name its mask_token, or choose another encoder"
            )
        return -1 if mask is None else int(mask)


def open_outside_head(
    folder: Path, *, precision: Precision, device: str, max_length: int
) -> OutsideHead | None:
    """Return the head of an encoder's folder; None where its config names none.

    Raises:
        SpecError: its weights are in no file, or its tokenizer or positions do not serve.
    """
    kind = named_head(read_config(folder))
    if kind is None:
        return None
    model = HeadModel(folder, kind, device)
    return OutsideHead(folder, model, precision=precision, device=device, max_length=max_length)

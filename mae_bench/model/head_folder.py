"""The head of an encoder from outside: its logits where they are asked for, and no others.

Legend: B rows, S tokens a row, M positions of a row that are asked for, D width, V vocabulary size.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mae_bench.data.encoder_heads import HeadKind
from mae_bench.errors import SpecError
from mae_bench.model.encoder_folder import read_model, some

AUTO_CLASSES: dict[HeadKind, str] = {
    "masked": "AutoModelForMaskedLM",
    "causal": "AutoModelForCausalLM",
}
MAX_CHANGE = 1e-3  # of the largest logit; fp32 sums in another order move far less


class HeadModel:
    """A transformers model with a head that names tokens, in float32 and evaluation mode.

    Attributes:
        model: encoder and head.
        kind: ``masked`` or ``causal``.
    """

    def __init__(self, folder: Path, kind: HeadKind, device: str) -> None:
        """Read the folder and check what the head says.

        Raises:
            SpecError: transformers has no such model, weights of the head are in no file, or a
                token's logits depend on later tokens in a ``causal`` model.
        """
        self.model, missing = read_model(folder, AUTO_CLASSES[kind])
        if missing:
            raise SpecError(
                f"'{folder}' lacks weights of the head that its config.json names, which would be "
                f"random: {some(missing)}; name a model that was saved with its head, or leave out "
                "the protocols that ask for tokens"
            )
        self.kind = kind
        self.model.to(device).eval()
        self._can_spare = self._is_by_position(device)
        if kind == "causal":
            self._check_order(folder, device)

    @property
    def config(self) -> Any:
        """The transformers config."""
        return self.model.config

    @property
    def vocab_size(self) -> int:
        """Number of token ids V."""
        return int(self.config.vocab_size)

    @property
    def output_weights(self) -> int:
        """Weights of the matrix that makes logits of features."""
        return int(self.model.get_output_embeddings().weight.numel())

    def logits(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Return [B, M, V] logits at positions [B, M] of rows [B, S] without padding."""
        if self._can_spare:
            return self._spared(ids, positions)
        return _picked(self._whole(ids), positions)

    def _whole(self, ids: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=ids).logits
        return logits

    def _spared(self, ids: Tensor, positions: Tensor) -> Tensor:
        """Return the logits from a head that reads the wanted positions alone."""

        def pick(module: object, given: object, output: Any) -> Any:
            output["last_hidden_state"] = _picked(output["last_hidden_state"], positions)
            return output

        hook = self.model.base_model.register_forward_hook(pick)
        try:
            return self._whole(ids)
        finally:
            hook.remove()

    @torch.inference_mode()
    def _is_by_position(self, device: str) -> bool:
        """Whether `_spared` gives what the whole model does; of large vocabularies it is needed."""
        if self.model.base_model is self.model:
            return False
        ids = torch.arange(4, device=device)[None].clamp(max=self.vocab_size - 1)
        positions = torch.tensor([[2, 1]], device=device)
        wanted = _picked(self._whole(ids), positions)
        try:
            got = self._spared(ids, positions)
        except (KeyError, TypeError, RuntimeError, ValueError, IndexError):
            return False  # its encoder's output is of another form
        return got.shape == wanted.shape and _are_near(got, wanted)

    @torch.inference_mode()
    def _check_order(self, folder: Path, device: str) -> None:
        ids = torch.arange(5, device=device).clamp(max=self.vocab_size - 1).repeat(2, 1)
        ids[1, 3:] = 0
        first, second = self._whole(ids)[:, :3]
        if not _are_near(first, second):
            raise SpecError(
                f"the model '{folder}' has a head for next tokens, but what it says of a token "
                "depends on those after it, so that it gives no likelihood of a text; name a model "
                "that reads from left to right, or one with a head for hidden tokens"
            )


def _picked(values: Tensor, positions: Tensor) -> Tensor:
    """Return [B, M, X] of values [B, S, X]."""
    return values.gather(1, positions[..., None].expand(-1, -1, values.shape[-1]))


def _are_near(got: Tensor, wanted: Tensor) -> bool:
    return bool((got - wanted).abs().max() <= MAX_CHANGE * wanted.abs().max())

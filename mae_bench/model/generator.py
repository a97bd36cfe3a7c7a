"""A small masked language model that proposes tokens for another to judge.

Legend: B rows, S tokens a row, N proposed tokens, D embedding width, W generator width,
V vocabulary size.
"""

import torch
from torch import Tensor, nn

from mae_bench.data.tokenizer import SEP
from mae_bench.model.attention_mask import attention_mask
from mae_bench.model.backbone import build_config, build_stack
from mae_bench.model.vocabulary import VocabularyHead
from mae_bench.specs import BackboneSpec


class Generator(nn.Module):
    """A stack of the backbone's kind of layer with a vocabulary head.

    Its token embedding is its own, [V, W], or another's, [V, D], passed in and projected.
    """

    def __init__(
        self,
        spec: BackboneSpec,
        *,
        layers: int,
        width: int,
        vocab_size: int,
        is_shared: bool,
        seed: int,
    ) -> None:
        """Initialise by the global generator; ``width`` is W.

        Args:
            spec: of the backbone.
            layers: of the generator.
            width: of the generator, a multiple of the backbone's head size.
            vocab_size: V.
            is_shared: whether token vectors are passed in.
            seed: of the head, which starts in a stream of its own.
        """
        super().__init__()
        self.is_shared = is_shared
        rows = SEP + 1 if is_shared else vocab_size
        self.stack = build_stack(build_config(spec, rows, layers=layers, width=width))
        if is_shared:
            # Fed with vectors, never with ids: the stack's own embedding would be dead weight.
            self.stack.set_input_embeddings(nn.Identity())  # type: ignore[operator]
            is_wide = width == spec.width
            self.project = nn.Identity() if is_wide else nn.Linear(spec.width, width)
        self.head = VocabularyHead(width, spec.width if is_shared else width, vocab_size, seed=seed)

    def forward(
        self, input_ids: Tensor, positions: Tensor, is_pad: Tensor | None, embedding: nn.Embedding
    ) -> Tensor:
        """Return hidden states [B, S, W]; ``embedding`` is read where it is shared."""
        if self.is_shared:
            given = {"inputs_embeds": self.project(embedding(input_ids))}
        else:
            given = {"input_ids": input_ids}
        output = self.stack(
            **given, position_ids=positions, attention_mask=attention_mask(input_ids, is_pad)
        )
        hidden: Tensor = output.last_hidden_state
        return hidden

    def logits(self, features: Tensor, embedding: nn.Embedding) -> Tensor:
        """Return [N, V] float32 from hidden states [N, W]."""
        own = embedding if self.is_shared else self.stack.get_input_embeddings()  # type: ignore[operator]
        scores: Tensor = self.head(features, own.weight)
        return scores.float()


@torch.no_grad()
def sample(logits: Tensor, uniform: Tensor) -> Tensor:
    """Return [N] tokens drawn from softmax(logits [N, V]) by inverting its distribution function.

    ``uniform`` is [N] in [0, 1). The tokens are a function of the arguments alone.
    """
    reached = logits.softmax(-1).cumsum(-1)
    # The last sum is not exactly 1; scaled by it, no draw lies beyond the last token.
    level = uniform.to(reached.dtype) * reached[:, -1]
    tokens = torch.searchsorted(reached, level[:, None], right=True)[:, 0]
    return tokens.clamp(max=logits.shape[-1] - 1)

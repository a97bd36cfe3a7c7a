"""Where an encoder holds its dropout ratios, and how to set them.

Most are layers of their own (``nn.Dropout``). Others are numbers that an attention module hands to
its kernel: ModernBERT's ``attention_dropout``, ``dropout`` of ``nn.MultiheadAttention``.
"""

from collections.abc import Iterator, Mapping

from torch import Tensor, nn
from torch.nn import functional as F

Holder = tuple[nn.Module, str]  # a module and its attribute that is the ratio


class LateDropout(nn.Module):
    """A dropout of 0 that can be raised, in place of the identity that stands for none."""

    def __init__(self) -> None:
        """Start without effect."""
        super().__init__()
        self.dropout = 0.0

    def forward(self, states: Tensor) -> Tensor:
        """Return the states, of any shape, with dropout in training."""
        return F.dropout(states, self.dropout, self.training) if self.dropout else states


def allow_dropout(encoder: nn.Module) -> None:
    """Put a `LateDropout` where a model built without dropout has ``nn.Identity`` instead.

    Such a model, as ModernBERT, decides when it is built which of its dropouts there are, so a
    ratio that is set later would not reach them. Weights and their names stay the same.
    """
    for module in encoder.modules():
        for name, child in module.named_children():
            if type(child) is nn.Identity and name.endswith(("drop", "dropout")):
                setattr(module, name, LateDropout())


def dropout_holders(encoder: nn.Module) -> Iterator[Holder]:
    """Yield where every dropout ratio of an encoder stands."""
    for module in encoder.modules():
        if isinstance(module, nn.Dropout):
            yield module, "p"
        elif isinstance(module, nn.RNNBase) and module.num_layers == 1:
            continue  # torch drops between the layers of one module, and here there is one
        else:
            for name, value in vars(module).items():
                if "dropout" in name and type(value) in (int, float):
                    yield module, name


def dropout_ratios(encoder: nn.Module) -> dict[Holder, float]:
    """Return every dropout ratio of an encoder, for `set_dropout_ratios`."""
    return {(module, name): getattr(module, name) for module, name in dropout_holders(encoder)}


def set_dropout_ratios(ratios: Mapping[Holder, float]) -> None:
    """Set each ratio where it stands."""
    for (module, name), ratio in ratios.items():
        setattr(module, name, ratio)

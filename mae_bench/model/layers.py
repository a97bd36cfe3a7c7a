"""Which layer a parameter of an encoder belongs to, by the names that its architecture gives them.

Legend: L layers, the first of which is 0.
"""

import re
from dataclasses import dataclass

import torch
from torch import nn

from mae_bench.backbones import architecture_of_config, content_of
from mae_bench.errors import SpecError
from mae_bench.model.backbone import Backbone, build_stack
from mae_bench.model.generators import kept_generators
from mae_bench.seeding import seed_for

_NESTED = re.compile(r"\.\d+\.")


@dataclass(frozen=True)
class Layers:
    """The layers of an encoder.

    Attributes:
        count: L.
        of: the layer of each parameter, by its name: -1 before the first layer, L after the last.
    """

    count: int
    of: dict[str, int]


def layer_pattern(encoder: nn.Module) -> re.Pattern[str]:
    """Return what matches the names of parameters of layers: what stands before a number, and it.

    The architecture says what stands there (`Architecture.layer_name`).
    """
    arch = architecture_of_config(content_of(encoder.config))
    return re.compile(rf"^((?:{arch.layer_name})\.)(\d+)\.")


def layer_numbers(encoder: nn.Module) -> set[int]:
    """Return the numbers of an encoder's layers, as the names of its parameters hold them."""
    of_layer = layer_pattern(encoder)
    return {int(match[2]) for name in encoder.state_dict() if (match := of_layer.match(name))}


def beside_layers(encoder: nn.Module) -> set[str]:
    """Return the names of the parameters that belong to no layer."""
    of_layer = layer_pattern(encoder)
    return {name for name in encoder.state_dict() if not of_layer.match(name)}


def read_layers(encoder: nn.Module) -> Layers:
    """Return which parameters belong to which layer.

    A parameter beside the layers is of the input where it is registered before them, as embeddings
    are, and else of the output, as a last norm is.

    Raises:
        SpecError: the architecture's names show no layers.
    """
    pattern = layer_pattern(encoder)
    matches = {name: pattern.match(name) for name, _ in encoder.named_parameters()}
    numbers = {name: int(match[2]) for name, match in matches.items() if match}
    # a list within a list, as the two halves of each of T5's blocks, is none of layers
    is_nested = any(match and _NESTED.search(match[1]) for match in matches.values())
    if is_nested or not numbers:
        kind = content_of(encoder.config).get("model_type")
        raise SpecError(
            f"the layers of this encoder (model_type '{kind}') cannot be told "
            "by the names of its parameters; leave out layer_lr_decay, reinit_layers, "
            "freeze: embeddings and lora, or register its architecture with a layer_name"
        )
    count, beside = max(numbers.values()) + 1, -1
    of = {}
    for name in matches:
        if name in numbers:
            beside = count
        of[name] = numbers.get(name, beside)
    return Layers(count, of)


def reinitialise(backbone: Backbone, count: int, seed: int) -> None:
    """Give the top layers, and what stands after them, the weights of a new encoder.

    Source: Zhang et al. 2021, arXiv:2006.05987; differs in drawing them as the architecture does.

    Raises:
        SpecError: the encoder has fewer layers, or they cannot be told.
    """
    encoder = backbone.encoder
    layers = read_layers(encoder)
    if count > layers.count:
        raise SpecError(
            f"reinit_layers must be at most the {layers.count} layers of the encoder, got {count}"
        )
    with kept_generators():
        torch.manual_seed(seed_for("new_weights", seed=seed, part="layers"))
        new = dict(build_stack(encoder.config).named_parameters())
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            # an encoder may be kept without a part that a new one has, or the reverse
            if layers.of[name] >= layers.count - count and name in new:
                parameter.copy_(new[name])

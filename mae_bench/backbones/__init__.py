"""Architectures of the encoder: config, sizes, costs and names of parts, one file each.

What to touch: a new one needs its file and its line here, or is registered by another package. A
change to a config or to FLOPs moves the numbers of all that is pretrained with it.
"""

from mae_bench.backbones import bert, bilstm, gru, modernbert
from mae_bench.backbones.base import (
    BACKBONES,
    Architecture,
    Sizes,
    architecture_of,
    check_backbone,
    names_with_attention,
    names_with_projections,
)
from mae_bench.backbones.configs import architecture_of_config, content_of, find_architecture
from mae_bench.backbones.transformer import Transformer

__all__ = [
    "BACKBONES",
    "Architecture",
    "Sizes",
    "Transformer",
    "architecture_of",
    "architecture_of_config",
    "bert",
    "bilstm",
    "check_backbone",
    "content_of",
    "find_architecture",
    "gru",
    "modernbert",
    "names_with_attention",
    "names_with_projections",
]

"""Bidirectional GRU layers."""

from mae_bench.backbones.base import BACKBONES
from mae_bench.backbones.recurrent import Recurrent


class Gru(Recurrent):
    """A bidirectional GRU: reset and update gates, and a candidate."""

    summary = "bidirectional GRU layers, a control of attention"
    source = "Cho et al. 2014, arXiv:1406.1078"
    cell = "gru"
    num_gates = 3


BACKBONES.register("gru")(Gru())

"""Bidirectional LSTM layers."""

from mae_bench.backbones.base import BACKBONES
from mae_bench.backbones.recurrent import Recurrent


class BiLstm(Recurrent):
    """A bidirectional LSTM: input, forget, cell and output gates."""

    summary = "bidirectional LSTM layers, a control of attention"
    source = "Hochreiter & Schmidhuber 1997; Schuster & Paliwal 1997"
    cell = "bilstm"
    num_gates = 4


BACKBONES.register("bilstm")(BiLstm())

"""Few-shot: logistic regression on frozen vectors of a few examples a class, many draws a seed.

A score of one draw says more of the draw than of the encoder, so a result is the mean over
``draws`` training sets, and their standard deviation stands beside it. The head is SetFit's (Tunstall
et al. 2022, arXiv:2209.11055) on an encoder that is not tuned.

Nothing is chosen. With k examples a class no honest selection part of any size exists: to choose
the pooling, the penalty, a prompt or the step to stop at on thousands of held-out labels, as much
published few-shot work does, is to learn from thousands of labels (Perez et al. 2021, "True few-shot
learning", arXiv:2105.11447). So pooling and penalty are fixed by the recipe, before any label, and
the selection part is scored only so that a tuning of objectives has a value to read.

A train size ``16/class`` sets the examples a class, in place of the recipe's ``shots``; any other
size is the pool that draws are taken from. Draws are of the clean or noisy training texts as the
study says.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mae_bench.errors import DataError
from mae_bench.progress import Progress
from mae_bench.protocols.base import PROTOCOLS, Protocol, read_recipe
from mae_bench.protocols.linear_fit import linear_kind, try_penalties
from mae_bench.protocols.linear_probe import Encoder
from mae_bench.protocols.outcome import ProtocolResult, Reading, Trial, conclude_draws, score
from mae_bench.protocols.splits import Splits
from mae_bench.seeding import seed_for
from mae_bench.specs import EvaluateSpec, FewShotRecipe
from mae_bench.tasks.base import Examples, Labels, TaskData
from mae_bench.tasks.metrics import Values
from mae_bench.tasks.untrained import ClassKind

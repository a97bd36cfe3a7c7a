"""One class of two texts, such as entailment or paraphrase."""

from mae_bench.tasks.kinds.base import KINDS
from mae_bench.tasks.kinds.classify import Classify


@KINDS.register("pair")
class Pair(Classify):
    """Two texts that are read together get one class.

    Labels are those of `Classify`.
    """

    num_texts = 2
    default_metrics = ("accuracy",)

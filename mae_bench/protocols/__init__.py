"""How a checkpoint is evaluated: fine-tuning, probes, what is inside it, and floors without one.

A protocol is registered by its module, which is named here once.
"""

from mae_bench.protocols import finetune, floors, linear_probe, representation

__all__ = ["finetune", "floors", "linear_probe", "representation"]

"""Training an encoder, and the protocols that read what it learned.

A protocol is registered by its module, which is named here once.
"""

from mae_bench.training import finetune, floors, linear_probe, representation

__all__ = ["finetune", "floors", "linear_probe", "representation"]

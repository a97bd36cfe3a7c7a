"""Pretraining objectives: one file each. A new one needs its file and one line here."""

from mae_bench.objectives import distill, mae, mlm, random_init, simcse

__all__ = ["distill", "mae", "mlm", "random_init", "simcse"]

"""Chooses how the steps of a training are run: one by one, as a CUDA graph, or compiled."""

import torch

from mae_bench.objectives.base import Objective
from mae_bench.pretraining.recorded import CudaGraphs, Plain, RecordedStep
from mae_bench.pretraining.step import Step, Stepper


def make_stepper(step: Step, compile_by: str) -> Stepper:
    """Return what makes the steps of a training.

    Args:
        step: one by one.
        compile_by: ``off``; ``graph``, a CUDA graph of whole steps; ``inductor``, passes compiled
            by torch's inductor, on a GPU inside such a graph; ``auto`` is ``graph`` on a GPU, where
            the objective allows it, and ``off`` on a CPU.
    """
    is_cuda = step.device.startswith("cuda")
    if compile_by == "off" or (compile_by == "auto" and not is_cuda):
        return step
    if why := step.why_not_recorded or why_not_recorded(step.objective):
        step.how = f"off: {why}"
        return step
    if compile_by == "inductor":
        # dropout by torch's own generator, so that it drops what an uncompiled step drops
        forward = torch.compile(step.forward, dynamic=False, options={"fallback_random": True})
        return RecordedStep(step, compile_by, forward, CudaGraphs() if is_cuda else Plain())
    if not is_cuda:
        step.how = "off: graph needs a CUDA GPU"
        return step
    return RecordedStep(step, "graph", step.forward, CudaGraphs())


def why_not_recorded(objective: Objective) -> str:
    """Return why an objective or a part of it cannot be recorded; empty where it can."""
    parts = (part for part in objective.modules() if isinstance(part, Objective))
    return next((part.why_not_recorded for part in parts if part.why_not_recorded), "")

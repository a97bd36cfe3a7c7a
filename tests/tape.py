"""A CUDA graph's behaviour on a CPU: a tape of operations that is played again, without Python.

What Python computed while it was recorded stays as it was, and results go to where they went
then: a step that reads a number of the host, or a tensor that is made anew, is found out.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Taping(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, out))
        return out


class Tape:
    """Records by doing the work, whose first replay is then none."""

    keeps_tensors = True
    recorded = 0
    replayed = 0

    def warm_up(self, work):
        work()

    def record(self, work):
        with _Taping() as taping:
            work()
        self.recorded += 1
        is_done = [True]

        def replay():
            if is_done:
                is_done.clear()
                return
            self.replayed += 1
            with torch.no_grad():
                for call in taping.calls:
                    _again(*call)

        return replay


def _again(func, args, kwargs, out):
    made = func(*args, **kwargs)
    for old, new in zip(tree_leaves(out), tree_leaves(made), strict=True):
        if isinstance(old, torch.Tensor) and old.untyped_storage()._cdata != (
            new.untyped_storage()._cdata
        ):
            old.copy_(new)

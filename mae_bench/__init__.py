"""Compares pretraining objectives for text encoders, from text to verdict."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mae_bench import errors
    from mae_bench.api import evaluate, plan, report
    from mae_bench.backbones import BACKBONES
    from mae_bench.data.corpus import CORPORA
    from mae_bench.data.noise import NOISES
    from mae_bench.data.sources import Source
    from mae_bench.objectives.base import OBJECTIVES, LossOutput, Objective, View
    from mae_bench.planning.study import load_study
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.results import load_rows
    from mae_bench.runner.session import Session
    from mae_bench.specs import Study
    from mae_bench.tasks import TASKS, Task
    from mae_bench.tuning.api import run_study

__version__ = "0.1.0"

_HOMES = {  # read at first use: `import mae_bench` imports neither torch nor pandas
    "BACKBONES": "mae_bench.backbones",
    "CORPORA": "mae_bench.data.corpus",
    "LossOutput": "mae_bench.objectives.base",
    "NOISES": "mae_bench.data.noise",
    "OBJECTIVES": "mae_bench.objectives.base",
    "Objective": "mae_bench.objectives.base",
    "PROTOCOLS": "mae_bench.protocols.base",
    "Session": "mae_bench.runner.session",
    "Source": "mae_bench.data.sources",
    "Study": "mae_bench.specs",
    "TASKS": "mae_bench.tasks",
    "Task": "mae_bench.tasks",
    "View": "mae_bench.objectives.base",
    "evaluate": "mae_bench.api",
    "load_rows": "mae_bench.results",
    "load_study": "mae_bench.planning.study",
    "plan": "mae_bench.api",
    "report": "mae_bench.api",
    "run_study": "mae_bench.tuning.api",
}

__all__ = [
    "BACKBONES",
    "CORPORA",
    "LossOutput",
    "NOISES",
    "OBJECTIVES",
    "Objective",
    "PROTOCOLS",
    "Session",
    "Source",
    "Study",
    "TASKS",
    "Task",
    "View",
    "errors",
    "evaluate",
    "load_rows",
    "load_study",
    "plan",
    "report",
    "run_study",
]


def __getattr__(name: str) -> Any:
    """Return a public name from the module that holds it."""
    if name == "errors":  # a module of this package; the other names stand inside one
        return import_module("mae_bench.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'mae_bench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted({*globals(), *__all__})

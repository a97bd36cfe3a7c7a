"""Compares pretraining objectives for text encoders, from text to verdict."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mae_bench.backbones import BACKBONES
    from mae_bench.data.corpus import CORPORA
    from mae_bench.data.noise import NOISES
    from mae_bench.objectives.base import OBJECTIVES
    from mae_bench.planning.study import load_study
    from mae_bench.protocols.base import PROTOCOLS
    from mae_bench.results import load_rows
    from mae_bench.tasks import TASKS
    from mae_bench.tuning.api import run_study

__version__ = "0.1.0"

_HOMES = {  # read at first use: `import mae_bench` imports neither torch nor pandas
    "BACKBONES": "mae_bench.backbones",
    "CORPORA": "mae_bench.data.corpus",
    "NOISES": "mae_bench.data.noise",
    "OBJECTIVES": "mae_bench.objectives.base",
    "PROTOCOLS": "mae_bench.protocols.base",
    "TASKS": "mae_bench.tasks",
    "load_rows": "mae_bench.results",
    "load_study": "mae_bench.planning.study",
    "run_study": "mae_bench.tuning.api",
}

__all__ = [
    "BACKBONES",
    "CORPORA",
    "NOISES",
    "OBJECTIVES",
    "PROTOCOLS",
    "TASKS",
    "load_rows",
    "load_study",
    "run_study",
]


def __getattr__(name: str) -> Any:
    """Return a public name from the module that holds it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mae_bench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted({*globals(), *__all__})

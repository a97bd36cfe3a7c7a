"""Registries that a test may add to, as they were before it once it is over."""

from mae_bench.backbones import BACKBONES
from mae_bench.data.corpus import CORPORA
from mae_bench.data.noise import NOISES
from mae_bench.masking import MASKINGS
from mae_bench.measures import MEASURES
from mae_bench.objectives.base import OBJECTIVES
from mae_bench.protocols.base import PROTOCOLS
from mae_bench.tasks import KINDS, TASKS
from mae_bench.tasks.metrics import METRICS

REGISTRIES = (
    BACKBONES,
    OBJECTIVES,
    NOISES,
    CORPORA,
    TASKS,
    KINDS,
    MASKINGS,
    PROTOCOLS,
    METRICS,
    MEASURES,
)


def set_apart(monkeypatch):
    """Give every registry copies of its parts until the test ends."""
    for registry in REGISTRIES:
        registry.names()  # reads the entry points before the copies are made
        for field in ("_parts", "_modules"):
            monkeypatch.setattr(registry, field, dict(getattr(registry, field)))

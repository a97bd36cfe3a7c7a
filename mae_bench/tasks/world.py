"""Tasks of the generated world, whose best reachable score is known (`WORLD_TASKS`)."""

from typing import Literal, cast

from mae_bench.data.world import WORLD_TASKS
from mae_bench.tasks.base import Task, add_task

_Kind = Literal["classify", "pair", "regress"]

for _name, _world in WORLD_TASKS.items():
    _is_pair = _world.kind != "classify"
    add_task(
        Task(
            name=f"world/{_name}",
            kind=cast("_Kind", _world.kind),
            text_fields=("text_a", "text_b") if _is_pair else ("text",),
            label_field="label",
            label_names=tuple(str(label) for label in range(_world.num_labels)),
            metrics=(_world.metric,) if _world.kind != "regress" else (_world.metric, "pearson"),
            source=None,
            licence="Apache-2.0",
            note=f"generated; the best reachable {_world.metric} is {_world.best:g}",
        )
    )

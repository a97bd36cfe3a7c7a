"""Tasks of the generated world, whose best reachable score is known (`WORLD_TASKS`)."""

from mae_bench.data.world import WORLD_TASKS
from mae_bench.tasks.base import Task, add_task

for _name, _world in WORLD_TASKS.items():
    add_task(
        Task(
            name=f"world/{_name}",
            kind=_world.kind,
            text_fields=_world.text_fields,
            label_field="label",
            label_names=tuple(str(label) for label in range(_world.num_labels)),
            metrics=(_world.metric,) if _world.num_labels else (_world.metric, "pearson"),
            source=None,
            licence="Apache-2.0",
            note=f"generated; the best reachable {_world.metric} is {_world.best:g}",
        )
    )

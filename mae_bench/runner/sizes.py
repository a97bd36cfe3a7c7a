"""Train sizes above the data of a prepared task."""

from mae_bench.runner.plan import Plan
from mae_bench.runner.store import Store


def too_large(plan: Plan, store: Store) -> list[str]:
    """Return a sentence for each prepared task that has fewer labels than a train size asks for.

    Their cells fail, each with its reason, and the others go on.
    """
    counts = [size for size in plan.study.train_sizes if isinstance(size, int)]
    found = []
    for stage in plan.stages:
        if stage.kind != "task" or not store.is_done(*stage.key):
            continue
        if store.damage(*stage.key, only=("meta.json",)):
            continue  # the run says so and builds it again
        known = int(store.read_json(*stage.key, "meta.json")["rows"]["train"])
        if wrong := [size for size in counts if size > known]:
            sizes = ", ".join(f"{size:,}" for size in wrong)
            found.append(
                f"{stage.label} has {known:,} training examples, fewer than train_sizes {sizes}: "
                f"these cells will fail; give at most {known:,}, or 'all'"
            )
    return found

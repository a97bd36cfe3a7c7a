"""The executor that flags ask for: torchrun's ranks, or one that starts workers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mae_bench.cli.ranks import ranks_executor
from mae_bench.errors import SpecError

if TYPE_CHECKING:
    from mae_bench.runner.executors import Executor


def make_executor(
    name: str, options: Sequence[str], ray_address: str | None, parallel: str | None
) -> "str | Executor":
    """Return an executor with its options; the name alone where it has none.

    Args:
        name: of the executor.
        options: each as NAME=VALUE.
        ray_address: of a cluster.
        parallel: how ranks share a pretraining, if that was said.

    Raises:
        SpecError: the name or an option is wrong.
    """
    others = {
        "--executor": "" if name == "local" else name,
        "--executor-option": " ".join(options),
        "--ray-address": ray_address,
    }
    given = {flag: value for flag, value in others.items() if value}
    if (ranks := ranks_executor(parallel, given)) is not None:
        return ranks
    if ray_address is not None and name != "ray":
        raise SpecError(
            f"--ray-address is for --executor ray, and the executor is '{name}'; give "
            "--executor ray, or leave the address out"
        )
    if name == "local" and not options:
        return name  # the import costs what a run with nothing to do does without
    from mae_bench.planning.yaml_text import parse_value
    from mae_bench.runner import executors

    parsed: dict[str, object] = {}
    for text in options:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise SpecError(f"--executor-option takes NAME=VALUE, got '{text}'")
        parsed[key] = parse_value(value, "--executor-option")
    if ray_address is not None:
        parsed["address"] = ray_address
    return executors.make_executor(name, parsed)

"""Checks the keys of a study's own task that belong to some kinds alone."""

from mae_bench.errors import DataError, SpecError
from mae_bench.specs import OwnTask
from mae_bench.tasks.kinds.base import TaskKind
from mae_bench.user_paths import user_path


def check_columns(spec: OwnTask, kind: type[TaskKind]) -> None:
    """Refuse keys that a kind does not read, and a label that it needs and does not get.

    Raises:
        SpecError: the first of them.
    """
    if spec.label is None and kind.needs_label:
        raise SpecError(
            f"task '{spec.name}' of kind '{spec.kind}' learns from labels; write `label:`, the "
            "column that holds them",
            spec.name,
        )
    if spec.options and not kind.has_options:
        raise SpecError(
            f"task '{spec.name}' of kind '{spec.kind}' has no options to choose among, got "
            f"`options: [{', '.join(spec.options)}]`; leave it out, or write `kind: choice`",
            spec.name,
        )
    if spec.detected and spec.kind != "detect":
        raise SpecError(
            f"task '{spec.name}' of kind '{spec.kind}' detects no class, got `detected: "
            f"[{', '.join(spec.detected)}]`; leave it out, or write `kind: detect`",
            spec.name,
        )


def only_file(spec: OwnTask) -> str:
    """Return the one file of a task of a kind that learns nothing: all its rows are the test.

    Raises:
        SpecError: it names files or a column for other parts.
        DataError: it names a folder.
    """
    given = {"train": spec.train, "split": spec.split}
    if unread := [name for name, value in given.items() if value is not None]:
        raise SpecError(
            f"task '{spec.name}' of kind '{spec.kind}' has a test and nothing to learn from, got "
            f"`{unread[0]}: {given[unread[0]]}`; leave it out and write `data:`, a file of which "
            "all rows are read",
            spec.name,
        )
    path = user_path(str(spec.data))
    if path.is_dir():
        raise DataError(
            f"'{spec.data}' is a folder, and kind '{spec.kind}' reads one file, all of it as the "
            "test; name the file"
        )
    return str(path)

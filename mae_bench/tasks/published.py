"""A published task in one row: what most definitions share is written once, here."""

from collections.abc import Mapping, Sequence

from mae_bench.data.sources import Source
from mae_bench.tasks.base import Task, add_task


def split_rows(*rows: int) -> dict[str, int]:
    """Return the rows of train, validation and, where there are three, test."""
    return dict(zip(("train", "validation", "test"), rows, strict=False))


def add_published(
    name: str,
    kind: str,
    *,
    texts: Sequence[str],
    rows: Mapping[str, int],
    metrics: Sequence[str],
    licence: str,
    names: Sequence[str] = (),
    label: str = "label",
    hub: str = "",
    config: str | None = None,
    folder: str = "",
    test: str = "test",
    selection: str | None = None,
    hub_fields: Mapping[str, str] | None = None,
    hub_names: Sequence[str] = (),
    label_range: tuple[float, float] | None = None,
    skipped_labels: tuple[object, ...] = (),
    detected_labels: tuple[object, ...] = (),
    language: str = "en",
    note: str = "",
) -> Task:
    """Register the task of a published set whose splits have the same names here and on the Hub.

    Args:
        name: of the task.
        kind: a name in ``KINDS``.
        texts: columns with text.
        rows: of each published split, by its name; no other split is read.
        metrics: the official one first.
        licence: as its publisher states it.
        names: of the classes; empty where labels are not of classes.
        label: column with the label.
        hub: ``owner/name@commit``, or ``@main`` where no commit could be verified; empty where no
            version on the Hub has these splits and labels.
        config: the Hub's configuration.
        folder: inside a local data folder; the name, unless given.
        test: the split that is tested on.
        selection: the split to choose on, or None to carve one out of train.
        hub_fields: as `Source` has it.
        hub_names: as `Source` has it.
        label_range: as `Task` has it.
        skipped_labels: as `Task` has it.
        detected_labels: as `Task` has it.
        language: as `Task` has it.
        note: what a reader of results should know.
    """
    hub_id, _, commit = hub.partition("@")
    source = Source(
        hub_id=hub_id,
        revision=commit,
        folder=folder or name,
        licence=licence,
        splits={split: split for split in rows},
        config=config,
        hub_fields=hub_fields or {},
        hub_names=tuple(hub_names),
        rows=rows,
        note="not pinned: no commit could be verified" if commit == "main" else "",
    )
    task = Task(
        name=name,
        kind=kind,
        text_fields=tuple(texts),
        label_field=label,
        label_names=tuple(names),
        metrics=tuple(metrics),
        source=source,
        licence=licence,
        test_split=test,
        selection_split=selection,
        label_range=label_range,
        note=note,
        skipped_labels=skipped_labels,
        detected_labels=detected_labels,
        language=language,
    )
    return add_task(task)

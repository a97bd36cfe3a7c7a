"""What a home remembers of the local data that it was prepared from, so that it runs without them.

Data are part of what names a stage. The home keeps their digests under `FOLDER`, which stands for
the data folder where none is given: a home that was prepared on one machine is run on another.
"""

from collections.abc import Iterator
from pathlib import Path

from mae_bench.planning.plan import Plan
from mae_bench.store.store import Store

FOLDER = "data_digests"


def data_dir_at(store: Store, given: Path | None) -> Path | None:
    """Return the folder given, else ``MAE_BENCH_DATA``, else the home's digests, else None.

    Raises:
        DataError: the folder named does not exist.
    """
    from mae_bench.data.sources import data_dir

    noted = store.home / FOLDER
    return data_dir(given) or (noted if noted.is_dir() else None)


def note_data(plan: Plan, store: Store, data_dir: Path | None) -> None:
    """Keep the digests of all local sets that a plan reads.

    Raises:
        StoreError: the home cannot be written.
    """
    from mae_bench.data.sources import Source, notes_of

    for source, splits in _sources(plan):
        if isinstance(source, Source):
            for name, text in notes_of(source, data_dir, splits).items():
                path = store.home / FOLDER / name
                if not path.exists() or path.read_text("utf-8") != text:
                    store.write_text(path, text)


def _sources(plan: Plan) -> Iterator[tuple[object, set[str]]]:
    """Yield what a plan reads, with the splits that a source need not list; some of it twice."""
    from mae_bench.data.corpus import CORPORA
    from mae_bench.data.held_out import HeldOutText
    from mae_bench.data.noises import noise_of
    from mae_bench.tasks import TASKS
    from mae_bench.tasks.prepared import splits_of

    corpora = list(plan.study.corpus.sources) if plan.study.objectives else []
    for task in plan.tasks.values():
        for each in (task, *([TASKS.get(task.train_task)] if task.train_task else [])):
            yield each.source, splits_of(each)
            if isinstance(each.source, HeldOutText):
                corpora.append(each.source.corpus)
        for noise in plan.study.noise:
            if (table := noise_of(noise.name).table) is not None:
                yield table.source(task.language), set()
    for name in corpora:
        if name in CORPORA:
            yield CORPORA.get(name).source, set()

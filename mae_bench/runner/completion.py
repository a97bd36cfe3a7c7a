"""Recognises a finished study without planning it or importing torch, to return at once.

After a run in which everything succeeded, the study's folder keeps a key of all that its plan
depended on. While the key is the same, the plan is the same.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from mae_bench.errors import DataError, SpecError
from mae_bench.plugins import GROUPS, plugin_files
from mae_bench.specs import Study, stage_id
from mae_bench.store.store import Store
from mae_bench.user_paths import is_folder

FINISHED = "finished.json"
_ROWS = "results.parquet"


def plan_key(study: Study, data_dir: Path | None) -> str:
    """Return a key of a study, of its data, and of the code that plans it."""
    from mae_bench.data.corpus import corpus_fingerprint
    from mae_bench.data.noises import noise_of, table_fingerprint
    from mae_bench.tasks import task_fingerprint
    from mae_bench.tasks.own import task_of

    tasks = [task_of(study, name) for name in study.real_tasks]
    sources = [task_fingerprint(task, data_dir) for task in tasks]
    for table in filter(None, [noise_of(noise.name).table for noise in study.noise]):
        sources += [table_fingerprint(table, task.language, data_dir) for task in tasks]
    if study.objectives:
        sources.append(corpus_fingerprint(study.corpus, data_dir))
    # as text: the order of an option's mapping may matter, and ids sort their keys
    return stage_id("plan", 3, [study.model_dump_json(), sources, _code()])


@cache
def _code() -> str:
    """Return what changes when this package or a plugin does: options, versions, recipes."""
    total = hashlib.blake2b(digest_size=8)
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        stat = path.stat()
        name = path.relative_to(package)
        total.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    for path in plugin_files():
        stat = path.stat()
        total.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    for group in GROUPS:
        for point in entry_points(group=f"mae_bench.{group}"):
            version = point.dist.version if point.dist else ""
            total.update(f"{group} {point.name} {point.value} {version}\n".encode())
    return total.hexdigest()


def mark_finished(store: Store, study: Study, key: str, stages: list[tuple[str, str]]) -> None:
    """Note that every stage of a study is done."""
    folder = store.study(study.name)
    noted = {"key": key, "stages": stages, "rows": _checksum(folder / _ROWS)}
    store.write_text(folder / FINISHED, json.dumps(noted))


def is_damaged(store: Store, study: Study) -> bool:
    """Whether the rows of a finished study are there, and no longer what was written."""
    folder = store.study(study.name)
    try:
        wanted = json.loads((folder / FINISHED).read_bytes())["rows"]
        return bool(_checksum(folder / _ROWS) != wanted)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def num_finished(store: Store, study: Study, data_dir: Path | None) -> int | None:
    """Return the number of stages of a study that is finished; None where it may not be."""
    encoders = [study.backbone.checkpoint, study.corpus.tokenizer.origin]
    encoders += [encoder.origin for encoder in study.encoders]
    encoders += [str(value) for values in study.grid.values() for value in values]
    named = [[arm.options for arm in study.objectives], encoders]
    if any(is_folder(text) for text in _texts(named)):
        return None  # an encoder outside the study, whose files the plan reads
    folder = store.study(study.name)
    try:
        noted = json.loads((folder / FINISHED).read_bytes())
        stages = [(str(kind), str(id_)) for kind, id_ in noted["stages"]]
        is_whole = _checksum(folder / _ROWS) == noted["rows"]
        is_same = is_whole and noted["key"] == plan_key(study, data_dir)
    except (OSError, ValueError, KeyError, TypeError, DataError, SpecError):
        return None
    return len(stages) if is_same and all(store.is_done(*key) for key in stages) else None


def _texts(value: object) -> Iterator[str]:
    """Yield the texts inside an option."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)

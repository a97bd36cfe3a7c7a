"""The store keeps whole results only, and notices what happened to them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mae_bench.errors import StoreError
from mae_bench.store.store import Store, default_home


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "home").open()


def build(store, id_="a", text="some text"):
    with store.build("task", id_, {"stage": "a task"}) as out:
        (out / "deep").mkdir()
        (out / "deep" / "file.json").write_text(json.dumps(text))
    return store.path("task", id_)


def test_an_artefact_appears_whole_with_checksums(store):
    assert not store.is_done("task", "a")
    folder = build(store)
    assert store.is_done("task", "a")
    assert store.damage("task", "a") is None
    assert set(json.loads((folder / "done.json").read_text())["files"]) == {"deep/file.json"}
    assert store.read_json("task", "a", "deep/file.json") == "some text"
    assert [path.name for path in folder.parent.iterdir()] == ["a"]


def test_an_error_leaves_nothing(store):
    with pytest.raises(ValueError, match="stop"), store.build("task", "a", {}) as out:
        (out / "file").write_text("half")
        raise ValueError("stop")
    assert list(store.path("task", "a").parent.iterdir()) == []


def test_leftovers_of_a_killed_build_are_removed(store):
    folder = store.home / "artefacts" / ".building" / "task-a.12345678"
    folder.mkdir(parents=True)
    (folder / "half").write_text("half")
    build(store)
    assert not folder.exists()


def test_work_is_kept_until_the_artefact_is_there(store):
    work = store.work("task", "a")
    (work / "state").write_text("step 3")
    assert store.work("task", "a") == work
    build(store)
    assert not work.exists()


def test_a_truncated_file_is_not_done(store):
    (build(store) / "deep" / "file.json").write_text("")
    assert not store.is_done("task", "a")
    assert "has 0 bytes instead of" in Store(store.home).damage("task", "a")


def test_a_changed_file_of_the_same_size_is_found_by_its_checksum(store):
    path = build(store) / "deep" / "file.json"
    path.write_text(path.read_text().replace("some", "same"))
    assert store.is_done("task", "a")
    assert "differs from its checksum" in store.damage("task", "a")
    with pytest.raises(StoreError, match="differs from its checksum"):
        store.read_json("task", "a", "deep/file.json")
    store.remove("task", "a")
    build(store)
    assert store.damage("task", "a") is None


def test_a_damaged_marker_is_not_done(store):
    (build(store) / "done.json").write_text("{")
    assert not store.is_done("task", "a")
    assert store.damage("task", "a") == "it has no readable done.json"
    build(store)  # replaces it
    assert store.is_done("task", "a")


def test_failures_are_kept_with_their_traceback_until_forgotten(store):
    try:
        raise ValueError("it broke")
    except ValueError as error:
        store.record_failure("task", "a", "a task", error)
    record = store.failure("task", "a")
    assert (record["type"], record["message"]) == ("ValueError", "it broke")
    assert "raise ValueError" in Path(record["traceback"]).read_text()
    store.forget_failure("task", "a")
    assert store.failure("task", "a") is None


def test_a_home_that_cannot_be_written_is_named():
    with pytest.raises(StoreError, match=r"home /dev/null/x cannot be written.*--home"):
        Store("/dev/null/x").open()


def test_the_home_comes_from_the_flag_then_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MAE_BENCH_HOME", str(tmp_path / "given"))
    assert Store().home == tmp_path / "given"
    assert Store(tmp_path / "flag").home == tmp_path / "flag"
    monkeypatch.delenv("MAE_BENCH_HOME")
    assert default_home().name == "mae-bench"


def test_reading_writes_nothing(tmp_path):
    store = Store(tmp_path / "home")
    assert not store.is_done("task", "a")
    assert store.failure("task", "a") is None
    assert not store.home.exists()


FULL = """
import resource, sys
from mae_bench.errors import StoreError
from mae_bench.store.store import Store
store = Store(sys.argv[1]).open()
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    with store.build("task", "a", {}) as out:
        (out / "big").write_bytes(b"x" * 100_000)
except StoreError as error:
    sys.exit(f"StoreError: {error}")
"""


def test_a_full_disk_is_reported_and_leaves_nothing_half_written(store):
    done = subprocess.run(
        [sys.executable, "-B", "-c", FULL, str(store.home)], capture_output=True, text=True
    )
    assert "StoreError: no space to write task a" in done.stderr
    assert "free space" in done.stderr
    assert list(store.path("task", "a").parent.iterdir()) == []


def test_a_full_disk_is_known_by_the_words_of_other_libraries(store):
    with pytest.raises(StoreError, match="no space to write"), store.build("task", "a", {}):
        raise RuntimeError("I/O error: No space left on device (os error 28)")

"""Files and folders without text are refused when a study is planned."""

import gzip

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.data import files
from mae_bench.data.corpus import require_text
from mae_bench.errors import DataError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.specs import CorpusSpec


def write_table(path, texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table({"text": pyarrow.array(texts, pyarrow.string())})
    pyarrow.parquet.write_table(table, path)


def fill(folder):
    """Write one file without text of every kind; return their names."""
    (folder / "none.txt").write_text("")
    (folder / "blank.txt").write_text("\ufeff \n\n\t\n")
    (folder / "none.jsonl").write_text("\n\n")
    (folder / "fields.jsonl").write_text('{"text": ""}\n{"text": " "}\n')
    (folder / "packed.txt.gz").write_bytes(gzip.compress(b"\n"))
    write_table(folder / "none.parquet", [])
    write_table(folder / "blank.parquet", ["", " "])
    return sorted(path.name for path in folder.iterdir())


def refusal(*sources):
    with pytest.raises(DataError) as error:
        require_text(CorpusSpec(sources=tuple(map(str, sources))))
    return str(error.value)


def test_a_file_without_text_is_refused(tmp_path):
    for name in fill(tmp_path):
        assert refusal(tmp_path / name) == (
            f"corpus.sources: '{tmp_path / name}' holds no text: it is empty or blank; name a file "
            "or folder with text, or leave it out"
        )


def test_a_folder_of_such_files_is_refused_and_one_with_a_text_is_not(tmp_path):
    names = fill(tmp_path)
    assert f"its {len(names)} files are empty or blank" in refusal(tmp_path)
    (tmp_path / "zebra.txt").write_text("\n\none text")
    require_text(CorpusSpec(sources=(str(tmp_path),)))


def test_an_empty_source_beside_a_full_one_is_refused(tmp_path):
    (tmp_path / "full.txt").write_text("one text")
    (tmp_path / "none.txt").write_text("")
    assert "none.txt' holds no text" in refusal(tmp_path / "full.txt", tmp_path / "none.txt")
    assert "none.txt' holds no text" in refusal("wikitext2_raw", tmp_path / "none.txt")


def test_damaged_and_large_files_are_left_to_prepare(tmp_path, monkeypatch):
    (tmp_path / "damaged.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "large.txt").write_text(" " * 50)
    require_text(CorpusSpec(sources=(str(tmp_path / "damaged.txt"),)))
    monkeypatch.setattr(files, "MAX_LOOK", 49)
    require_text(CorpusSpec(sources=(str(tmp_path / "large.txt"),)))


def test_a_plan_refuses_it(tmp_path):
    (tmp_path / "none.txt").write_text("")
    study = {
        "name": "empty",
        "corpus": {"sources": [str(tmp_path / "none.txt")]},
        "objectives": ["mlm"],
        "tasks": ["world/topic"],
    }
    with pytest.raises(DataError, match=r"none\.txt' holds no text: it is empty or blank"):
        make_plan(study_of(study), None)

"""A home prepared from local data is taken to a machine without them, and a study runs there."""

import random
import shutil

import pytest
from command_line import call
from local_data import write_split
from tiny_study import PROBE, log, rows, write_study

WORDS = ["ni", "tu", "gama", "sela", "mor", "pana", "kidu", "leso"]


def sentences(number, seed):
    """Return sentences no two of which are the same."""
    draw = random.Random(seed)
    return [f"{' '.join(draw.choices(WORDS, k=9))} {i}" for i in range(number)]


@pytest.fixture
def moved(tmp_path):
    """Return (study, home, flags) after `prepare`; the data and the first home are gone."""
    data, home = tmp_path / "data", tmp_path / "here" / "home"
    write_split(data, "imdb/unsupervised", "train", {"text": sentences(300, 0)})
    for split, number in (("train", 160), ("test", 40)):
        labels = [i % 6 for i in range(number)]
        columns = {"text": sentences(number, split), "coarse_label": labels}
        write_split(data, "trec", split, columns)
    errors = {"correct": WORDS, "misspelling": [word[::-1] for word in WORDS]}
    write_split(data, "misspellings/en", "train", errors)
    corpus = {"sources": ["imdb/unsupervised"], "tokenizer": {"vocab_size": 300}, "row_length": 32}
    study = write_study(
        tmp_path,
        corpus=corpus,
        tasks=["trec"],
        protocols=["linear_probe"],
        noise=["clean", {"misspellings": 0.5}],
        finetune=None,
        linear_probe=PROBE,
    )
    code, _, err = call("prepare", study, "--home", home, "--data-dir", data, "--workers", 1)
    assert code == 0, err
    home = home.parent.rename(tmp_path / "there") / "home"
    shutil.rmtree(data)
    return study, home, ("--home", home, "--workers", 1)


def test_a_prepared_home_suffices(moved):
    study, home, flags = moved
    before = log(home)
    assert {line["kind"] for line in before} >= {"tokenizer", "blocks", "task", "error_table"}
    code, _, err = call("run", study, *flags)
    assert code == 0, err
    table = rows(home)
    assert len(table) and table["failure"].isna().all()
    assert {"pretrain", "evaluate"} == {line["kind"] for line in log(home)[len(before) :]}
    code, out, err = call("run", study, *flags)
    assert code == 0 and "nothing to do" in out + err


def test_more_of_a_set_that_is_not_there_is_no_other_set(moved):
    study, home, flags = moved
    longer = ("--set", "corpus.row_length=16")
    code, out, err = call("run", study, *flags, *longer)
    assert code
    assert "the home was prepared from a local folder" in out + err, out + err
    assert str(home / "data_digests" / "imdb/unsupervised") in (out + err).replace("\n", "")

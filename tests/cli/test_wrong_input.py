"""Wrong input at the command line: one clear sentence, exit code 2, or a failure row.

Where only some cells are hit, the others run and the exit code is 1. Held elsewhere: unknown
names and keys in unit/test_cli, unit/test_study and unit/test_plan; a train size above the data,
damaged artefacts and a changed study in e2e/test_run; two processes at once in e2e/test_workers;
files of a corpus in unit/test_corpus and unit/test_blocks; columns and labels in unit/test_tasks;
a home that cannot be written in unit/test_cli and unit/test_store.
"""

import os
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest

from mae_bench.cli import main
from mae_bench.results import load_rows

STUDY = """\
name: small
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2}
corpus: {sources: [text.txt], tokenizer: {vocab_size: 300}, row_length: 32}
pretrain: {budget: {steps: 4}, batch_rows: 8}
objectives: [mlm]
tasks: [sst2]
protocols: [linear_probe]
train_sizes: [20]
seeds: 1
"""
WORDS = "one two three four five six seven eight nine ten".split()
TEXT = "\n\n".join(" ".join(WORDS[i % 7 :] + WORDS[: i % 9]) + f" {i}" for i in range(60))


@pytest.fixture
def study(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture
def data(tmp_path):
    """Return a folder with a small sst2."""
    folder = tmp_path / "data"
    write_task(folder)
    return folder


def write_task(folder, *, text_field="sentence", last_label=1):
    (folder / "sst2").mkdir(parents=True, exist_ok=True)
    for split, count in (("train", 60), ("validation", 12)):
        texts = [f"{split} {WORDS[i % 10]} {'good' if i % 2 else 'bad'} {i}" for i in range(count)]
        labels = [i % 2 for i in range(count - 1)] + [last_label]
        table = pyarrow.table({text_field: texts, "label": labels})
        pyarrow.parquet.write_table(table, folder / "sst2" / f"{split}.parquet")


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MAE_BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MAE_BENCH_DATA", raising=False)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        _, err = capsys.readouterr()
        return ended.value.code, err

    return run


REFUSED = {
    "nothing hidden": (
        "objectives=[{mae: {mask_ratio: 0.01}}]",
        "arm 'mae': mask_ratio 0.01 hides 0 of the 30 maskable tokens in a row of 32",
        "change mask_ratio or corpus.row_length",
    ),
    "whole row hidden": (
        "objectives=[{mlm: {mask_ratio: 0.99}}]",
        "mask_ratio 0.99 hides 30 of the 30",
        "leave at least 1",
    ),
    "ratio of one": (
        "objectives=[{mae: {mask_ratio: 1.0}}]",
        "mask_ratio must be a number in (0, 1) or a mapping of start, end",
        "got 1.0",
    ),
    "ratio of zero": (
        "objectives=[{mlm: {mask_ratio: 0}}]",
        "mask_ratio must be a number in (0, 1)",
        "got 0",
    ),
    "negative ratio": ("corpus.validation_ratio=-0.1", "in (0, 1), got -0.1"),
    "shares": (
        "objectives=[{mlm: {mask_share: 0.5}}]",
        "mask_share + random_share + keep_share must be 1, they are 0.7",
    ),
    "decoder width": (
        "objectives=[{mae: {decoder_width: 20}}]",
        "decoder_width 20 must be a multiple of the backbone's head size 16",
    ),
    "no loss": (
        "objectives=[mlm, {distill: {teacher: mlm, soft_weight: 0, mlm_weight: 0, "
        "cosine_weight: 0}}]",
        "at least one must be positive",
    ),
    "row length": (
        "corpus.row_length=256",
        "corpus.row_length must be at most backbone.max_length 128, got 256",
    ),
    "short rows": ("corpus.row_length=4", "corpus.row_length must be a whole number", "got 4"),
    "vocabulary": ("corpus.tokenizer.vocab_size=70000", "vocab_size", "got 70000"),
    "unknown key": ("finetune.epocs=3", "--set finetune.epocs=3: unknown key 'epocs'", "epochs"),
    "schedule": (
        "objectives=[{mlm: {mask_ratio: {start: 0.3, end: 2}}}]",
        "mask_ratio.end",
        "got 2",
    ),
    "missing file": ("corpus.sources=tex.txt", "'tex.txt' is neither a corpus nor"),
    "file of another kind": ("corpus.sources=small.yaml", "its ending is '.yaml'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_before_anything_runs(run, study, tmp_path, case):
    override, *parts = REFUSED[case]
    code, err = run("run", study, "--set", override)
    assert code == 2
    (line,) = [line for line in err.splitlines() if not line.startswith("warning: ")]
    assert line.startswith("error: ")
    for part in parts:
        assert part in line
    assert not (tmp_path / "home").exists()


def test_a_study_that_is_not_utf8_names_the_byte(run, study):
    study.write_bytes(STUDY.encode() + b"description: caf\xe9\n")
    code, err = run("plan", study)
    assert code == 2
    assert f"error: {study} is not UTF-8: byte 0xe9 at offset {len(STUDY) + 16}" in err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"caf\xe9 au lait", "text.txt is not UTF-8: byte 0xe9 at offset 3, in line 1; convert"),
        (b"five short words of text", "is smaller than one row"),
        (b"a", "none of its 1 documents has at least 4 tokens"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_one_sentence(run, study, data, content, sentence):
    (study.parent / "text.txt").write_bytes(content)
    code, err = run("prepare", study, "--data-dir", data, "--workers", 1)
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("failed: ")]
    assert sentence in line and err.count(sentence) == 1
    assert "1 of 3 stages failed (" in err
    again, err = run("run", study, "--data-dir", data, "--workers", 1)  # as the home remembers
    assert again == 1 and err.count(sentence) == 1  # the floors were run
    assert " of text.txt" in err.splitlines()[-1]
    third, err = run("run", study, "--data-dir", data, "--workers", 1)  # nothing is left to run
    assert third == 1 and err.count(sentence) == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("content", ["", " \n\n \n"])
@pytest.mark.parametrize("verb", ["plan", "run"])
def test_a_corpus_without_text_is_refused_before_anything_runs(run, study, tmp_path, verb, content):
    (study.parent / "text.txt").write_text(content)
    code, err = run(verb, study)
    assert code == 2
    assert "text.txt' holds no text: it is empty or blank; name a file" in err
    assert err.startswith("error: ") and not (tmp_path / "home").exists()


def test_more_tokens_than_the_corpus_holds_names_both_numbers(run, study, data):
    code, err = run(
        "prepare", study, "--data-dir", data, "--workers", 1, "--set", "corpus.tokens=1_000_000"
    )
    assert code == 2
    assert "training tokens with this tokenizer, 1000000 were asked for; lower 'tokens'" in err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"text_field": "text"},
            "train.parquet has no column 'sentence'; its columns are text, label; rename the one",
        ),
        (
            {"last_label": 2},
            "label 2 in column 'label' of row 59 of the train split of task 'sst2' is not allowed; "
            "allowed: 0 = ",
        ),
        ({"last_label": -1}, "-1 usually means that the split's labels are not public"),
    ],
)
def test_a_task_that_cannot_be_used_is_one_sentence(run, study, data, change, sentence):
    write_task(data, **change)
    code, err = run("prepare", study, "--data-dir", data, "--workers", 1)
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("failed: ")]
    assert line.startswith("failed: task sst2: ") and sentence in line
    assert err.count(sentence) == 1
    assert "Traceback" not in err


def test_prepare_says_that_a_task_of_trials_cannot_be_used(run, study, data):
    write_task(data, last_label=2)
    tuned = ["--set", "tasks=[world/topic]", "--set", "tuning={trials: 2, tasks: [sst2]}"]
    code, err = run("prepare", study, "--data-dir", data, "--workers", 1, *tuned)
    assert code == 2
    assert err.count("label 2 in column 'label' of row 59") == 1
    assert "1 of 4 stages failed (task sst2) and 0 that need them were skipped;" in err


def test_a_corpus_below_one_batch_fails_the_cells_that_need_it(run, study, data, tmp_path):
    changes = ["--set", "pretrain.batch_rows=500"]
    code, err = run("run", study, "--data-dir", data, "--workers", 1, *changes)
    assert code == 1
    assert "fewer than pretrain.batch_rows 500; give more text or a smaller batch" in err
    table = load_rows(tmp_path / "home" / "studies" / "small").set_index("arm")
    assert table.loc["mlm", "failure"].startswith("pretraining failed: the corpus gives ")
    assert table["value"].isna().to_dict() == {
        "random_init": False,
        "mlm": True,
        "majority class": False,
        "TF-IDF + LR": False,
    }


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))
from mae_bench.cli import main
main(sys.argv[1:])
"""


def test_a_full_disk_leaves_nothing_half_written_and_the_next_run_goes_on(
    run, study, data, tmp_path
):
    home = tmp_path / "home"
    arguments = ["prepare", str(study), "--data-dir", str(data), "--workers", "1"]
    # compiled modules must not be cut too: whoever imports them next would read half of one
    env = {**os.environ, "MAE_BENCH_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, env=env
    )
    assert done.returncode == 2, done.stderr
    assert "error: no space to write tokenizer" in done.stderr
    assert "then run again to resume" in done.stderr
    assert "Traceback" not in done.stderr
    folders = [path for path in (home / "artefacts").glob("*/*") if path.is_dir()]
    assert all((folder / "done.json").exists() for folder in folders)
    assert not list((home / "artefacts" / ".building").glob("*"))
    assert not list((home / "failures").iterdir())
    code, err = run(*arguments)
    assert code == 0, err


def test_an_unknown_name_is_reported_with_its_line(study, run):
    study.write_text(STUDY.replace("[mlm]", "[mlmm]"))
    code, err = run("plan", study)
    assert code == 2 and f"{study}, line 5: unknown objective 'mlmm'" in err.replace("\n", "")


def test_texts_are_cut_to_a_short_encoder_unless_a_length_is_asked_for(study, run):
    short = ("--set", "backbone.max_length=64")
    assert run("plan", study, *short) == (0, "")
    code, err = run("plan", study, *short, "--set", "linear_probe.max_length=100")
    assert code == 2 and "linear_probe.max_length must be at most backbone.max_length 64" in err

"""A whole study over a user's own files, from six lines in the study itself."""

import json
import shutil

import pytest
from command_line import call
from tiny_study import rows

from mae_bench.cli import main
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import load_study

STUDY = """\
name: tiny
backbone: {num_layers: 1, hidden_size: 32, num_heads: 2, max_length: 32}
corpus: {sources: [world], tokens: 10_000, tokenizer: {vocab_size: 400}, row_length: 32}
pretrain: {budget: {steps: 4}, batch_rows: 8}
objectives: [mlm]
tasks:
  - name: tickets
    data: data/tickets.csv
    kind: classify
    text: body
    label: topic
  - {name: ratings, data: data, kind: regress, text: body, label: stars, metrics: [pearson]}
protocols: [finetune, linear_probe]
seeds: 1
finetune: {learning_rates: [1e-3], epochs: 1, min_steps: 2, max_length: 32}
"""


def write_data(folder):
    folder.mkdir()
    lines = [f'"about the {"billing" if i % 2 else "login"}, {i}";{i % 2 == 1}' for i in range(60)]
    (folder / "tickets.csv").write_text("\n".join(["body;topic", *lines]), encoding="utf-8")
    for part, start in {"train": 0, "test": 60}.items():
        lines = [
            json.dumps({"body": f"stars {i % 5}, number {i}", "stars": i % 5})
            for i in range(start, start + 60)
        ]
        (folder / f"{part}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_a_study_reads_its_own_files_and_a_moved_file_is_the_same_task(tmp_path, home):
    study = tmp_path / "tiny.yaml"
    study.write_text(STUDY)
    write_data(tmp_path / "data")
    code, _, err = call("run", study, "--home", home, "--workers", 1)
    assert code == 0, err
    table = rows(home)
    assert table["failure"].isna().all() and table["value"].notna().all()
    metrics = table.groupby("task")["metric"].unique().map(set).to_dict()
    assert metrics == {"tickets": {"accuracy", "f1"}, "ratings": {"pearson"}}
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(tmp_path / "data", moved / "data")
    shutil.move(study, moved / "tiny.yaml")
    again = make_plan(load_study(moved / "tiny.yaml"), None)
    assert {cell.id for cell in again.cells} == set(table["cell_id"])


def test_a_study_without_its_file_says_so_in_a_sentence(tmp_path, capsys):
    study = tmp_path / "tiny.yaml"
    home = ["--home", str(tmp_path / "home")]

    def refused():
        with pytest.raises(SystemExit) as caught:
            main(["plan", str(study), *home])
        assert caught.value.code == 2
        return capsys.readouterr().err

    study.write_text(STUDY)
    assert "neither a file nor a folder" in refused()
    study.write_text(STUDY.replace("text: body\n", "texts: body\n"))
    got = refused()
    assert "unknown key 'texts' in tasks[0]" in got and "line 10" in got
    write_data(tmp_path / "data")
    study.write_text(STUDY)
    with pytest.raises(SystemExit) as caught:
        main(["plan", str(study), *home])
    assert not caught.value.code
    out = capsys.readouterr().out
    assert "tickets (classify) from tickets.csv: 43 train, 5 selection, 12 test; 2 classes" in out
    assert "ratings (regress) from test.jsonl, train.jsonl: 54 train, 6 selection, 60 test" in out

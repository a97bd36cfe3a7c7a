"""A pretraining as a folder for the Hub: what it holds, what the card says, what is refused."""

import json
import sys

import pytest
import torch
import yaml
from command_line import call
from safetensors.torch import load_file, save_file
from tiny_study import write_study

from mae_bench.results import load_rows

ARM = "mlm a|b"  # a bar would end a cell of a table


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a home with two seeds of one arm, fine-tuned on one task under noise."""
    folder = tmp_path_factory.mktemp("export")
    objectives = [{"mlm": {"label": ARM}}]
    study = write_study(folder, objectives=objectives, seeds=2, noise=["clean", {"typos": 0.1}])
    code, _, err = call("run", study, "--home", folder / "home", "--workers", "1")
    assert code == 0, err
    return folder / "home"


def export(home, run, out, *flags):
    return call("export", run, "--home", home, "--out", out, *flags)


def card_of(folder):
    """Return the metadata of a model card, and its text."""
    _, head, text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def test_the_folder_is_the_encoder_and_the_card_has_its_rows(home, tmp_path):
    code, out, err = export(home, f"tiny:{ARM}:1", tmp_path / "x" / "mlm")
    folder = tmp_path / "x" / "mlm"
    assert code == 0, err
    assert out.strip() == str(folder)
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["mlm"]  # nothing half-made
    about = json.loads((folder / "pretraining.json").read_text())
    rows = load_rows(home / "studies" / "tiny")
    rows = rows[(rows["arm"] == ARM) & rows["is_primary"]]
    own = rows[rows["pretrain_id"] == about["pretrain_id"]]
    assert set(own["seed"]) == {1} and about["studies"] == ["tiny"]

    metadata, text = card_of(folder)
    assert metadata["library_name"] == "transformers" and "mlm" in metadata["tags"]
    results = metadata["model-index"][0]["results"]
    assert sorted(r["metrics"][0]["value"] for r in results) == sorted(own["value"])
    for noise in ("clean", "typos"):
        mine = own.loc[own["noise"] == noise, "value"].item()
        both = rows.loc[rows["noise"] == noise, "value"]
        assert f"| {mine:.4f} | {both.mean():.4f} ± {both.std():.4f} (2) |" in text
    assert "world (licence: Apache-2.0)" in text

    from transformers import AutoModel, AutoTokenizer

    source = home / "artefacts" / "pretrain" / about["pretrain_id"]
    batch = AutoTokenizer.from_pretrained(folder)(["one text", "two"], padding=True)
    ids, mask = torch.tensor(batch["input_ids"]), torch.tensor(batch["attention_mask"])
    with torch.no_grad():
        theirs, ours = (
            AutoModel.from_pretrained(path)(ids, attention_mask=mask).last_hidden_state
            for path in (source, folder)
        )
    assert torch.equal(theirs, ours)


def test_a_folder_with_files_stays_as_it_is(home, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    code, _, err = export(home, f"tiny:{ARM}:0", tmp_path)
    assert code == 2 and "holds files" in err and "--out" in err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    code, _, err = export(home, f"tiny:{ARM}:0", tmp_path / "mine.txt")
    assert code == 2 and "is a file" in err
    code, _, err = export(home, f"tiny:{ARM}:0", tmp_path / "mine.txt" / "in")
    assert code == 2 and "cannot write" in err
    (tmp_path / "empty").mkdir()
    assert export(home, f"tiny:{ARM}:0", tmp_path / "empty")[0] == 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tinny:mlm:0", "no study 'tinny' with rows"),
        ("tiny:mlm:0", "no pretrained arm 'mlm'"),
        ("tiny:TF-IDF:0", "no pretrained arm 'TF-IDF'"),
        (f"tiny:{ARM}:7", "not pretrained with seed 7; there are: 0, 1"),
        ("0000", "no pretraining '0000'"),
        ("tiny", "STUDY:ARM:SEED"),
        ("", "no pretraining ''"),
        ("../task", "no pretraining '../task'"),
    ],
)
def test_a_name_of_nothing_is_refused(home, tmp_path, name, says):
    code, _, err = export(home, name, tmp_path / "out")
    assert code == 2 and says in err
    assert not (tmp_path / "out").exists()


def test_an_id_may_be_shortened_where_one_fits(home, tmp_path):
    ids = sorted(path.name for path in (home / "artefacts" / "pretrain").iterdir())
    for number, name in enumerate((ids[0], ids[0][:8])):
        assert export(home, name, tmp_path / str(number))[0] == 0
        about = json.loads((tmp_path / str(number) / "pretraining.json").read_text())
        assert about["pretrain_id"] == ids[0]


def test_onnx_says_what_the_weights_say_or_is_not_written(home, tmp_path, monkeypatch):
    runtime = pytest.importorskip("onnxruntime", reason="the extra mae-bench[onnx] is missing")
    pytest.importorskip("onnxscript", reason="the extra mae-bench[onnx] is missing")
    assert export(home, f"tiny:{ARM}:0", tmp_path / "a", "--onnx")[0] == 0
    session = runtime.InferenceSession(tmp_path / "a" / "model.onnx")
    assert [i.name for i in session.get_inputs()] == ["input_ids", "attention_mask"]

    from mae_bench.export import onnx

    read = onnx._compare

    def moved(model, path, batch):
        weights = load_file(tmp_path / "a" / "model.safetensors")
        save_file({name: w + 0.1 for name, w in weights.items()}, tmp_path / "moved.safetensors")
        model.encoder.load_state_dict(load_file(tmp_path / "moved.safetensors"), strict=False)
        read(model, path, batch)

    monkeypatch.setattr(onnx, "_compare", moved)
    code, _, err = export(home, f"tiny:{ARM}:0", tmp_path / "b", "--onnx")
    assert code == 2 and "leave out --onnx" in err and not (tmp_path / "b").exists()


def test_onnx_without_its_packages_says_what_to_install(home, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, _, err = export(home, f"tiny:{ARM}:0", tmp_path / "a", "--onnx")
    assert code == 2 and "pip install 'mae-bench[onnx]'" in err and not (tmp_path / "a").exists()

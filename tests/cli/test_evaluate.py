"""The verb `evaluate`: what can be named, what is printed, and that it goes on where it was."""

import json

import pytest
from family_encoders import save_family
from report_rows import row
from tiny_study import STUDY

import mae_bench
from mae_bench.cli import main
from mae_bench.cli.evaluating import _show
from mae_bench.data.encoders import resolve_commit
from mae_bench.errors import DataError, UnknownNameError
from mae_bench.planning.shorthand import study_of
from mae_bench.planning.yaml_text import read_yaml
from mae_bench.results import frame
from mae_bench.runner import find_encoder as finding
from mae_bench.runner.find_encoder import find_encoder
from mae_bench.runner.session import Session
from mae_bench.store.store import Store

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FEW = ("--tasks", "world/topic", "--train-sizes", "20", "--seeds", "1", "--workers", "1")
QUICK = ("--protocols", "linear_probe", "--set", "linear_probe.inverse_penalties=[1.0]")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_family("roberta", tmp_path_factory.mktemp("family") / "mine")


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MAE_BENCH_HOME", str(tmp_path / "home"))

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["evaluate", *map(str, arguments)])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


def test_a_folder_goes_through_a_protocol_and_again_at_no_cost(run, encoder, tmp_path):
    command = (f"ours={encoder}", *FEW, *QUICK)
    code, out, err = run(*command, "-o", tmp_path / "page")
    assert code == 0, err
    lines = [line.split("\t") for line in out.splitlines()]
    assert [line[0] for line in lines] == ["encoder", "ours", "majority class", "TF-IDF + LR"]
    page = (tmp_path / "page" / "index.html").read_text()
    assert "ours (not pretrained here)" in page and "Not pretrained here: ours" in page
    assert f"mae-bench evaluate ours={encoder} --tasks world/topic" in page
    code, out, err = run(*command, "--json")
    assert code == 0 and "nothing to do" in err
    rows = [json.loads(line) for line in out.splitlines()]
    assert {row["arm"]: row["objective"] for row in rows}["ours"] == "outside"
    mine = next(row for row in rows if row["arm"] == "ours")
    assert json.loads(mine["options"]) == {"from": str(encoder)}
    costs = {name: value for name, value in mine.items() if name.startswith("pretrain_")}
    assert costs and set(costs.values()) == {None}, "unknown, and not 0"
    assert mine["params_encoder"] > 0 and mine["evaluate_flops"] > 0


WRONG = [
    (["nothing", *FEW], "no encoder 'nothing' in "),
    (["nothing", "--tasks", "tric"], "no encoder 'nothing'"),
    (["{}", "--tasks", "world/topc"], "Did you mean 'world/topic'"),
    (["{}", *FEW, "--scale", "gpu"], "--scale names a part of a study's file"),
    (["{}", *FEW, "--protocols", "representation"], "reads rows of the corpus in the study's tok"),
    (["{}", "{}", *FEW], "other=ENCODER for `evaluate`"),
    (["{}", *FEW, "--noise", "typos: 0"], "must have a rate above 0"),
    (["{}", *FEW, "--seeds", "none"], "seeds"),
    (["{}", *FEW, "--set", "fintune.epochs=1"], "Did you mean 'finetune'"),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG)
def test_wrong_input_is_one_line(run, encoder, arguments, text, tmp_path):
    code, out, err = run(*(str(part).replace("{}", str(encoder)) for part in arguments))
    assert code == 2 and text in err and err.startswith("error: ") and err.count("\n") == 1
    assert out == "" and not (tmp_path / "home").exists()


def test_a_hub_id_without_its_commit_is_asked_for_once(monkeypatch, tmp_path):
    monkeypatch.setattr(finding, "resolve_commit", lambda name: COMMIT)
    store = Store(tmp_path)
    assert find_encoder("owner/name", store) == {"from": f"owner/name@{COMMIT}"}
    assert find_encoder("e=owner/name", store) == {"label": "e", "from": f"owner/name@{COMMIT}"}
    assert find_encoder(f"owner/name@{COMMIT}", store) == {"from": f"owner/name@{COMMIT}"}


def test_an_encoder_that_cannot_be_fetched_is_one_line_before_anything_runs(run, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for _ in range(2):  # tried again without --retry
        code, out, err = run(f"owner/name@{COMMIT}", *FEW, *QUICK)
        last = err.splitlines()[-1]
        assert code == 2 and out == "" and "Retrying" not in err
        assert last.startswith("error: the encoder 'owner/name' at 0123456789ab could not be ")
        assert err.count("could not be fetched") == 1 and "tfidf" not in err


def test_a_hub_that_cannot_be_asked_is_a_sentence():
    with pytest.raises(DataError, match=r"could not be asked of the Hub.*all 40 digits"):
        resolve_commit("owner/name")


def test_a_run_of_a_home_is_named_by_study_arm_and_seed(tmp_path):
    raw = read_yaml(STUDY, "tiny") | {"objectives": ["mlm"], "seeds": 1, "noise": "clean"}
    study = study_of({**raw, "pretrain": {"budget": {"steps": 2}, "batch_rows": 4}})
    session = Session(study, home=tmp_path, device="cpu", workers=1)
    session.run()
    (pretrain,) = [
        stage.id for stage in session.plan.stages if stage.label == "pretrain mlm, seed 0"
    ]
    folder = str(session.store.path("pretrain", pretrain))
    expected = {"label": "mlm, seed 0", "from": folder}
    assert find_encoder("tiny:mlm:0", session.store) == expected
    assert find_encoder(pretrain, session.store) == {"label": pretrain, "from": folder}
    for text, message in (
        ("tiny:mlm:7", "has no pretraining of arm 'mlm' at seed 7; its arms are .*mlm"),
        ("tiny:mae:0", "written tiny:ARM:SEED"),
        ("other:mlm:0", "STUDY:ARM:SEED"),
    ):
        with pytest.raises(UnknownNameError, match=message):
            find_encoder(text, session.store)
    quick = {"linear_probe": {"inverse_penalties": [1.0]}}
    rows = mae_bench.evaluate(
        ["tiny:mlm:0"], ["world/topic"], ["linear_probe"], home=tmp_path, device="cpu",
        train_sizes=[20], seeds=1, **quick,
    )  # fmt: skip
    assert "mlm, seed 0" in set(rows["arm"]) and rows["failure"].isna().all()


def test_what_learns_from_no_label_is_shown_so(capsys):
    rows = [row("mlm", 0.5), row("mlm", 0.4, protocol="zero_shot", n_train=0)]
    _show(frame(rows))
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()[1:]]
    assert {line[2]: line[3] for line in lines} == {"finetune": "all", "zero_shot": "no labels"}

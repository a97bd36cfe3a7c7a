"""A study with one arm that is pretrained and one encoder from outside, run and reported."""

import shutil

import pytest
from family_encoders import save_family
from tiny_study import short_study

from mae_bench.api import report
from mae_bench.planning.shorthand import study_of
from mae_bench.runner.session import Session

COSTS = ["pretrain_tokens", "pretrain_steps", "pretrain_flops", "pretrain_s", "encoder_flops"]


@pytest.fixture(scope="module")
def session(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    encoder = save_family("xlm-roberta", folder / "theirs")
    keys = {"name": "both", "objectives": ["mlm"], "encoders": [str(encoder)]}
    raw = short_study(noise=["clean", {"typos": 0.1}], seeds=2, **keys)
    home = shutil.copytree(prepared, folder / "home")
    session = Session(study_of(raw), home=home, device="cpu", workers=1)
    session.run()
    return session


def test_it_stands_in_the_same_table(session):
    rows = session.rows()
    assert rows["failure"].isna().all()
    ours, theirs = (rows[rows["arm"] == label] for label in ("mlm", "theirs"))
    key = ["task", "protocol", "train_size", "noise", "seed", "metric", "n_train", "n_test"]
    assert ours[key].values.tolist() == theirs[key].values.tolist()
    assert set(theirs["objective"]) == {"outside"} and not theirs["is_floor"].any()


def test_what_its_pretraining_cost_is_unknown_and_not_nothing(session):
    rows = session.rows()
    ours, theirs = (rows[rows["arm"] == label] for label in ("mlm", "theirs"))
    assert theirs[[*COSTS, "pretrain_seed", "pretrain_id", "plateau"]].isna().all(axis=None)
    assert ours[[*COSTS, "pretrain_seed", "pretrain_id"]].notna().all(axis=None)
    assert theirs["params_encoder"].nunique() == 1 and theirs["params_encoder"].notna().all()


def test_the_page_marks_it(session, tmp_path):
    report(session.asked, home=session.store.home, out=tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert "theirs (not pretrained here)" in page
    assert "pairs the labels and the fine-tune, not the pretraining" in page
    costs = (tmp_path / "report" / "tables" / "costs.csv").read_text().splitlines()
    (line,) = [text for text in costs if text.startswith("theirs (not pretrained here)")]
    assert line.count("unknown") == 7 and "none" not in line


def test_run_again_it_does_nothing(session):
    again = Session(session.asked, home=session.store.home, device="cpu", workers=1)
    events = []
    again.run(events.append)
    assert [event for event in events if event.what == "start"] == []

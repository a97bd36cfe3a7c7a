"""The tuning database lies inside its home, whatever the path of that holds."""

import sqlite3

import pytest

from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session
from mae_bench.tuning.rounds import DATABASE, Rounds
from mae_bench.tuning.trials import spec_of

STUDY = {
    "name": "tuned",
    "objectives": ["mlm"],
    "tasks": ["world/topic"],
    "seeds": 1,
    "tuning": {"trials": 2, "budget": {"steps": 4}},
}


@pytest.mark.parametrize("name", ["a?b", "a%41#b", "a {b} c", "a'b\"c", "é[1]", "file:a&b=c;d"])
def test_it_is_inside(tmp_path, name):
    session = Session(study_of(STUDY), home=tmp_path / name, device="cpu", workers=1)
    session.store.open()
    session.folder.mkdir(parents=True)
    Rounds(session, spec_of(session.asked), lambda event: None, lambda stages: None)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    (path,) = tmp_path.rglob("*.db")
    assert path == tmp_path / name / "studies" / "tuned" / DATABASE
    assert sqlite3.connect(path).execute("select count(*) from studies").fetchone() == (1,)

"""The ids of all packaged studies are those of the day they were recorded."""

import json

import pytest
from capture_ids import FILE, ids_of, scales_of, studies

CASES = [
    (name, path, scale) for name, path in sorted(studies().items()) for scale in scales_of(path)
]
WHY = """\
the ids of '{name}' moved, so nothing that was computed before will be used again.
If results have to be made again, raise the version of their stage or protocol, say it in
CHANGELOG.md, and record anew by `python tests/golden/capture_ids.py`. If not, it is a bug."""


def test_every_study_is_recorded():
    recorded = json.loads(FILE.read_text())
    assert set(recorded) == {f"{name}, {scale or 'as written'}" for name, _, scale in CASES}


@pytest.mark.parametrize(("name", "path", "scale"), CASES, ids=[f"{n}-{s}" for n, _, s in CASES])
def test_ids_are_those_recorded(name, path, scale):
    case = f"{name}, {scale or 'as written'}"
    assert ids_of(path, scale) == json.loads(FILE.read_text())[case], WHY.format(name=case)

"""Maskings from YAML to rows, with the collocations of the corpus counted on the way."""

import json

import numpy as np
from command_line import call
from tiny_study import log, rows

ARMS = (
    "objectives=[{mlm: {masking: [span, pmi]}}, "
    "{mae: {masking: pmi, mask_ratio: {start: 0.6, end: 0.3}}}]"
)


def test_collocations_are_counted_once_and_used_by_every_arm(study, home):
    changes = ["--set", ARMS, "--set", "seeds=1", "--set", "noise=clean"]
    code, _, err = call("run", study, "--home", home, "--workers", 1, *changes)
    assert code == 0, err
    table = rows(home)
    assert table["value"].notna().all()
    assert {"mlm masking=span", "mlm masking=pmi", "mae"} < set(table["arm"])
    assert [line["kind"] for line in log(home)].count("ngrams") == 1
    (folder,) = (home / "artefacts" / "ngrams").iterdir()
    meta = json.loads((folder / "meta.json").read_text())
    hashes = np.load(folder / "hashes.npy")
    assert len(hashes) == sum(facts["kept"] for facts in meta["sizes"].values()) > 0

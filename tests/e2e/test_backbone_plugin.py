"""A backbone of a third party: one file that joins through an entry point."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mae_bench import plugins
from mae_bench.backbones import BACKBONES
from mae_bench.contract.backbone import CHECKS, BackboneCase
from mae_bench.data.encoders import sized_backbone
from mae_bench.errors import SpecError
from mae_bench.model.backbone import build_backbone
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.runner.session import Session
from mae_bench.specs import BackboneSpec

EXAMPLE = Path(__file__).parents[1] / "backbone_example" / "their_electra.py"
STUDY = {
    "name": "electric",
    "backbone": {
        "arch": "electra", "num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32
    },
    "corpus": {"tokens": 5_000, "tokenizer": {"vocab_size": 300}, "row_length": 32},
    "pretrain": {"budget": {"steps": 8}, "batch_rows": 8},
    "objectives": ["mlm", "mae"],
    "tasks": ["world/topic"],
    "protocols": ["linear_probe", "representation"],
    "linear_probe": {"max_length": 32, "poolings": ["mean"], "inverse_penalties": [1.0]},
    "train_sizes": [20],
    "seeds": 1,
}  # fmt: skip


@pytest.fixture
def electra(tmp_path, monkeypatch):
    """Register the example for one test; return what is registered."""
    BACKBONES.names()  # reads the entry points before the copies are made
    for field in ("_parts", "_modules"):
        monkeypatch.setattr(BACKBONES, field, dict(getattr(BACKBONES, field)))
    (tmp_path / "site").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    plugins.source_digest.cache_clear()
    importlib.import_module("their_electra")
    yield BACKBONES.get("electra")
    sys.modules.pop("their_electra")
    plugins.source_digest.cache_clear()


def planned(**changes):
    return make_plan(study_of({**STUDY, **changes}), None)


def ids(plan):
    return {stage.label: stage.id for stage in plan.stages}


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_the_contract(electra, check, tmp_path):
    CHECKS[check](BackboneCase("electra", tmp_path))


def test_its_version_is_in_the_ids_of_all_that_is_made_with_it(electra, monkeypatch):
    before, plan = ids(planned()), planned()
    monkeypatch.setattr(type(electra), "version", 2, raising=False)
    after = ids(planned())
    moved = {label for label in before if before[label] != after[label]}
    floors = ("majority class", "TF-IDF + LR")
    assert moved == {
        stage.label
        for stage in plan.stages
        if stage.kind == "pretrain"
        or (stage.kind == "evaluate" and not any(floor in stage.label for floor in floors))
    }
    for stage in plan.stages:
        is_its = any(plugin.what == "backbone 'electra'" for plugin in stage.plugins)
        assert is_its == (stage.label in moved), stage.label


def test_an_encoder_of_its_kind_can_be_gone_on_from(electra, tmp_path):
    spec = BackboneSpec(**STUDY["backbone"])
    build_backbone(spec, 300, 0).encoder.save_pretrained(tmp_path / "theirs")
    found = sized_backbone(BackboneSpec(checkpoint=str(tmp_path / "theirs")), tmp_path / "theirs")
    assert (found.arch, found.layers, found.width, found.heads) == ("electra", 1, 32, 2)
    assert electra.sizes_of(found) == electra.sizes_of(spec)


def test_a_name_that_nothing_registers_is_told_with_the_nearest(electra):
    with pytest.raises(SpecError, match=r"backbone\.arch: unknown .*'electa'.*mean 'electra'\?"):
        study_of({**STUDY, "backbone": {"arch": "electa"}})


def test_a_study_pretrains_and_evaluates_it(electra, tmp_path):
    session = Session(study_of(STUDY), home=tmp_path / "home", workers=1)
    rows = session.run()
    mine = rows[rows["is_primary"] & rows["arm"].isin(["mlm", "mae", "random_init"])]
    assert len(mine) == 2 * 3 and mine["value"].notna().all()
    trained = mine[mine["arm"] != "random_init"]
    assert (trained["pretrain_flops"] > 0).all() and (mine["evaluate_flops"] > 0).all()
    folder = next((tmp_path / "home").rglob("config.json"))
    assert json.loads(folder.read_text())["model_type"] == "electra"


def test_an_entry_point_is_all_that_it_needs_where_it_is_installed(tmp_path):
    site = tmp_path / "site"
    metadata = site / "their_electra-1.0.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(EXAMPLE, site)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-electra\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[mae_bench.backbones]\nelectra = their_electra\n")
    code = (
        "import sys; from mae_bench.backbones import BACKBONES; from mae_bench.costs import Stack;"
        "from mae_bench.specs import BackboneSpec;"
        "assert Stack.of(BackboneSpec(arch='electra')).forward(1, 8) > 0;"
        "assert BACKBONES.plugin('electra').version == 'their-electra 1.0';"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'costs need no model'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_is_left_of_it_without_its_package_is_said_in_a_sentence():
    with pytest.raises(SpecError, match=r"backbone\.arch: unknown backbone 'electra'; known: bert"):
        Session(study_of(STUDY), home="unused")

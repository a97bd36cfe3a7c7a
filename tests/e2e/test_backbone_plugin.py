"""Backbones of third parties, one file each: of transformers, and of another library."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from registries import set_apart
from safetensors.torch import load_file
from small_blocks import BACKBONE, L, V, run_pretraining, write_blocks, write_tokenizer
from transformers import ElectraConfig, ElectraModel

from mae_bench import plugins
from mae_bench.backbones import BACKBONES
from mae_bench.contract.backbone import CHECKS, BackboneCase
from mae_bench.data.encoders import sized_backbone
from mae_bench.errors import SpecError
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.pretraining.external import starting_backbone
from mae_bench.runner.session import Session
from mae_bench.specs import BackboneSpec

FOLDER = Path(__file__).parents[1] / "outside"
EXAMPLE = FOLDER / "their_electra.py"
FILES = {"electra": "their_electra", "their_torch": "their_torch"}
STUDY = {
    "name": "electric",
    "backbone": {
        "arch": "electra", "num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": 32
    },
    "corpus": {"tokens": 2_000, "tokenizer": {"vocab_size": 300}, "row_length": 32},
    "pretrain": {"budget": {"steps": 8}, "batch_rows": 8},
    "objectives": ["mlm", "mae"],
    "tasks": ["world/topic"],
    "protocols": ["linear_probe"],
    "linear_probe": {"max_length": 32, "poolings": ["mean"], "inverse_penalties": [1.0]},
    "train_sizes": [20],
    "seeds": 1,
}  # fmt: skip


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """Register the examples for one test; return the registry."""
    set_apart(monkeypatch)
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    plugins.source_digest.cache_clear()
    for file in FILES.values():
        shutil.copy(FOLDER / f"{file}.py", tmp_path / "site")
        importlib.import_module(file)
    yield BACKBONES
    for file in FILES.values():
        sys.modules.pop(file)
    plugins.source_digest.cache_clear()


@pytest.fixture
def electra(theirs):
    return theirs.get("electra")


def planned(**changes):
    return make_plan(study_of({**STUDY, **changes}), None)


def ids(plan):
    return {stage.label: stage.id for stage in plan.stages}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", FILES)
def test_it_keeps_the_contract(theirs, name, check, tmp_path):
    CHECKS[check](BackboneCase(name, tmp_path))


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


@pytest.mark.parametrize("name", FILES)
def test_an_encoder_of_its_kind_can_be_gone_on_from(theirs, name, tmp_path):
    write_blocks(tmp_path / "blocks")
    spec = BACKBONE.model_copy(update={"arch": name})
    first = run_pretraining(tmp_path, "mae", backbone=spec, name="first")
    sized = sized_backbone(BackboneSpec(checkpoint=str(first)), first)
    assert (sized.arch, sized.layers, sized.width, sized.heads) == (name, 1, 32, 2)
    assert theirs.get(name).sizes_of(sized) == theirs.get(name).sizes_of(spec)
    start = run_pretraining(tmp_path, "random_init", backbone=sized, encoder=first, name="start")
    left, begun = (load_file(folder / "model.safetensors") for folder in (first, start))
    assert left.keys() == begun.keys()
    assert all(torch.equal(left[key], begun[key]) for key in left)


def test_token_vectors_of_another_width_are_refused(electra, tmp_path):
    write_tokenizer(tmp_path)
    folder = tmp_path / "encoder"
    config = ElectraConfig(
        vocab_size=V, hidden_size=32, embedding_size=16, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=128, max_position_embeddings=L,
    )  # fmt: skip
    ElectraModel(config).save_pretrained(folder)
    write_tokenizer(folder)
    spec = sized_backbone(BackboneSpec(checkpoint=str(folder)), folder)
    with pytest.raises(SpecError, match="token vectors of 16 for a hidden size of 32; heads are"):
        starting_backbone(spec, folder, tmp_path)


def test_a_name_that_nothing_registers_is_refused_with_the_nearest(electra):
    with pytest.raises(SpecError, match=r"backbone\.arch: unknown .*'electa'.*mean 'electra'\?"):
        study_of({**STUDY, "backbone": {"arch": "electa"}})


def test_a_study_pretrains_and_evaluates_it(electra, tmp_path):
    text = tmp_path / "numbers.txt"
    text.write_text("\n\n".join(f"text {i} has {i * i} words or {i} more" for i in range(300)))
    corpus = {**STUDY["corpus"], "sources": [str(text)], "tokens": None}
    study = study_of({**STUDY, "corpus": corpus})
    session = Session(study, home=tmp_path / "home", workers=1)
    rows = session.run()
    mine = rows[rows["is_primary"] & rows["arm"].isin(["mlm", "mae", "random_init"])]
    assert len(mine) == 3 and mine["value"].notna().all()
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

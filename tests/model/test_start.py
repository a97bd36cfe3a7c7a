"""Pretraining that goes on from an encoder: its weights, its sizes, its id, what is refused."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from small_blocks import BACKBONE, L, V, run_pretraining, write_blocks, write_tokenizer

from mae_bench.backbones import architecture_of
from mae_bench.data.encoders import require_sizes, sized_backbone
from mae_bench.errors import SpecError
from mae_bench.model.backbone import build_backbone
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.pretraining.external import starting_backbone
from mae_bench.specs import BackboneSpec

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path):
    write_blocks(tmp_path / "blocks")
    return tmp_path


def planned(**backbone):
    return make_plan(
        study_of(
            {
                "name": "second",
                "backbone": backbone,
                "corpus": {"tokens": 20_000, "row_length": L},
                "objectives": ["mlm"],
                "tasks": ["world/topic"],
                "finetune": {"max_length": L},
                "linear_probe": {"max_length": L},
                "seeds": 1,
            }
        ),
        None,
    )


def inner(spec):
    return architecture_of(spec).sizes_of(spec).inner


def pretrainings(plan):
    return {stage.spec.objective: stage for stage in plan.stages if stage.kind == "pretrain"}


@pytest.mark.parametrize("arch", ["modernbert", "bert", "gru"])
def test_training_starts_from_the_weights_that_the_first_left(folder, arch):
    spec = BACKBONE.model_copy(update={"arch": arch})
    first = run_pretraining(folder, "mae", backbone=spec, name="first")
    spec = sized_backbone(BackboneSpec(checkpoint=str(first)), first)
    assert (spec.arch, spec.layers, spec.width, spec.max_length) == (arch, 1, 32, L)
    start = run_pretraining(folder, "random_init", backbone=spec, encoder=first, name="start")
    went_on = run_pretraining(folder, "mlm", backbone=spec, encoder=first, name="went_on")
    left, begun, ended = (load_file(p / "model.safetensors") for p in (first, start, went_on))
    assert left.keys() == begun.keys() == ended.keys()
    assert all(torch.equal(left[key], begun[key]) for key in left)
    assert any(not torch.equal(left[key], ended[key]) for key in left)


def test_the_studys_dropout_rules(folder):
    first = run_pretraining(folder, "mlm", name="first")
    spec = sized_backbone(BackboneSpec(checkpoint=str(first), dropout=0.3), first)
    backbone = starting_backbone(spec, first, folder).train()
    ids = torch.arange(5, 25)[None]
    assert not torch.equal(backbone(ids), backbone(ids))
    assert backbone.config.attention_dropout == backbone.config.mlp_dropout == 0.3


def test_the_content_of_the_folder_is_in_the_ids_and_its_name_is_not(folder):
    first = run_pretraining(folder, "mlm", name="first")
    other = run_pretraining(folder, "mae", name="other")
    shutil.copytree(first, folder / "copy")
    sizes = {"num_layers": 1, "hidden_size": 32, "num_heads": 2, "max_length": L}
    drawn = pretrainings(planned(**sizes))
    stages_by_name = {
        n: pretrainings(planned(checkpoint=str(folder / n))) for n in (first.name, "copy")
    }
    for objective in ("random_init", "mlm"):
        ids = {name: stages[objective].id for name, stages in stages_by_name.items()}
        changed = pretrainings(planned(checkpoint=str(other)))[objective].id
        assert ids["first"] == ids["copy"]
        assert len({ids["first"], drawn[objective].id, changed}) == 3
    spec = stages_by_name["first"]["mlm"].spec.backbone
    assert (spec.layers, spec.width, spec.heads, inner(spec)) == (1, 32, 2, inner(BACKBONE))


def test_a_hub_encoder_is_fetched_once_and_its_sizes_are_the_studys():
    plan = planned(checkpoint=f"owner/name@{COMMIT}", num_layers=3)
    (fetched,) = (stage for stage in plan.stages if stage.kind == "teacher")
    for stage in pretrainings(plan).values():
        assert fetched.key in stage.needs and stage.spec.encoder == fetched.id
        assert stage.spec.teacher is None and stage.spec.backbone.layers == 3


def config(folder, **changes):
    content = {
        "model_type": "bert", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4,
        "intermediate_size": 100, "max_position_embeddings": 40,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(content | changes))
    return folder


def test_sizes_are_those_of_the_config(tmp_path):
    spec = sized_backbone(BackboneSpec(), config(tmp_path / "a"))
    sizes = (spec.arch, spec.layers, spec.width, spec.heads, inner(spec), spec.max_length)
    assert sizes == ("bert", 2, 64, 4, 100, 40)
    assert sized_backbone(spec, tmp_path / "a") == spec
    mine = BackboneSpec(num_layers=1, hidden_size=64, num_heads=4, max_length=40)
    build_backbone(mine, V, 0).encoder.save_pretrained(tmp_path / "b")
    assert inner(sized_backbone(BackboneSpec(), tmp_path / "b")) == inner(mine)
    require_sizes(mine, tmp_path / "b")


def test_other_sizes_are_refused_with_those_to_write(tmp_path):
    folder = config(tmp_path / "a")
    with pytest.raises(SpecError, match=r"num_layers is 2, got 3, .*; write .*num_layers: 2"):
        sized_backbone(
            BackboneSpec(num_layers=3, hidden_size=64, num_heads=4, checkpoint=str(folder)), folder
        )
    with pytest.raises(SpecError, match=r"arch is bert, got modernbert, hidden_size is 64"):
        require_sizes(BackboneSpec(checkpoint="x/y"), folder)
    with pytest.raises(SpecError, match=r"is a .roberta.; pretraining can start from those that"):
        sized_backbone(BackboneSpec(), config(tmp_path / "b", model_type="roberta"))
    with pytest.raises(SpecError, match=r"holds no encoder: its config\.json cannot be read"):
        sized_backbone(BackboneSpec(), tmp_path)
    with pytest.raises(SpecError, match="must be a folder with an encoder, or owner/name@commit"):
        planned(checkpoint="owner/name")


def test_another_tokenizer_is_refused(folder, tmp_path):
    first = run_pretraining(folder, "mlm", name="first")
    write_tokenizer(tmp_path / "other", vocab_size=V - 1)
    spec = sized_backbone(BackboneSpec(checkpoint=str(first)), first)
    with pytest.raises(SpecError, match=r"backbone\.checkpoint '.*' uses another tokenizer"):
        starting_backbone(spec, first, tmp_path / "other")

"""The plan of a grid: at each point it is the plan of the study with these values."""

import pytest

from mae_bench.errors import SpecError
from mae_bench.planning.pairing import pairing_sentences
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.specs import point_label

RAW = {
    "name": "g",
    "corpus": {"sources": ["world"], "tokens": 10_000, "tokenizer": {"vocab_size": 400}},
    "tasks": ["world/topic"],
    "objectives": ["mlm", {"mae": {"mask_ratio": [0.3, 0.5]}}, {"distill": {"teacher": "mlm"}}],
    "protocols": ["finetune", "linear_probe"],
    "seeds": 2,
}


def plan(**fields):
    """Return the plan of a small study."""
    return make_plan(study_of(RAW | fields), None)


def content(cells):
    """Return what cells are, without what names their point."""
    return {(c.arm.label, c.protocol, c.task, c.seed, c.pretrain, c.evaluate) for c in cells}


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("backbone", {"num_layers": [1, 2], "dropout": [0.0, 0.1]}),
        ("pretrain", {"batch_rows": [16, 32], "peak_lr": [1e-3, 2e-3]}),
        ("corpus", {"row_length": [32, 64], "tokens": [5_000, 10_000]}),
        ("finetune", {"epochs": [1, 2], "batch_size": [8, 16]}),
    ],
)
def test_a_point_is_the_study_with_its_values(section, values):
    base = RAW.get(section, {})
    grid = plan(**{section: base | values})
    points = dict.fromkeys(cell.point for cell in grid.cells)
    assert len(points) == 4
    for point in points:
        there = {field.rpartition(".")[2]: value for field, value in point}
        alone = plan(**{section: base | there})
        mine = [cell for cell in grid.cells if cell.point == point]
        assert content(mine) == content(alone.cells)
        assert alone.by_key.keys() <= grid.by_key.keys()
    assert len({cell.id for cell in grid.cells}) == len(grid.cells)
    assert [cell.seed for cell in grid.cells] == sorted(cell.seed for cell in grid.cells)


def test_what_no_value_changes_is_run_once():
    one, grid = plan(), plan(finetune={"epochs": [1, 2]})
    kinds = [[s.kind for s in p.stages].count("pretrain") for p in (one, grid)]
    assert kinds[0] == kinds[1]
    floors = [[c.evaluate for c in p.cells if c.is_floor] for p in (one, grid)]
    assert set(floors[0]) == set(floors[1]) and len(floors[1]) == 2 * len(floors[0])


def test_labels_of_stages_say_the_point_where_it_matters():
    grid = plan(backbone={"num_layers": [1, 2]}, finetune={"epochs": [1, 2]})
    pretrainings = {s.label for s in grid.stages if s.kind == "pretrain"}
    assert "pretrain mlm (num_layers=2), seed 1" in pretrainings
    assert "pretrain random_init, seed 0" in pretrainings
    evaluations = {s.label for s in grid.stages if s.kind == "evaluate"}
    where = "mlm (num_layers=2 finetune.epochs=2) on world/topic"
    assert f"evaluate {where}, finetune, all labels, seed 0" in evaluations


def test_an_arm_left_out_is_left_out_there_alone():
    arm = "mae mask_ratio=0.5"
    exclude = [{"mae.mask_ratio": 0.5, "backbone.num_layers": 1}]
    grid = plan(backbone={"num_layers": [1, 2]}, exclude=exclude)
    where = {point_label(cell.point) for cell in grid.cells if cell.arm.label == arm}
    assert where == {"num_layers=2"}
    order = ["random_init", "mlm", "mae mask_ratio=0.3", arm, "distill"]
    assert [each.label for each in grid.resolved] == order
    assert [each.label for each in grid.study.objectives] == order
    assert grid.study.grid and grid.study.control == "mlm"
    claim = {"sentence": "s", "treatment": arm, "control": "mlm"}
    said = plan(backbone={"num_layers": [1, 2]}, exclude=exclude, claims=[claim])
    assert [each.treatment for each in said.study.claims] == [arm]


@pytest.mark.parametrize("own", ["", "untrained", "random_init"])
def test_the_untrained_encoder_may_be_left_out_too(own):
    """Whether it is implied or listed, under its own name or another."""
    label = own or "random_init"
    arms = ["mlm", *([{"random_init": {"label": own}}] if own else [])]
    exclude = [{"arm": label, "backbone.num_layers": 1}]
    grid = plan(objectives=arms, backbone={"num_layers": [1, 2]}, exclude=exclude)
    where = {point_label(c.point) for c in grid.cells if c.arm.objective == "random_init"}
    assert where == {"num_layers=2"}
    assert {arm.label for arm in grid.resolved} == {"mlm", label}


@pytest.mark.parametrize("control", [None, "mlm"])
def test_the_control_stands_at_every_point(control):
    exclude = [{"arm": "mlm", "backbone.num_layers": 1}]
    fields = {"backbone": {"num_layers": [1, 2]}, "exclude": exclude, "control": control}
    with pytest.raises(SpecError, match="exclude leaves out the control 'mlm' at num_layers=1"):
        plan(**fields)


def test_an_error_names_the_point():
    with pytest.raises(SpecError, match=r"at row_length=256|at corpus.row_length=256"):
        plan(corpus=RAW["corpus"] | {"row_length": [64, 256]})


def test_it_is_said_what_a_seed_pairs():
    fields = {
        "backbone": {"num_layers": [1, 2]},
        "pretrain": {"peak_lr": [1e-3, 2e-3], "batch_rows": [8, 16]},
        "corpus": {"tokenizer": {"vocab_size": [400, 500]}},
    }
    deep, rate, words = pairing_sentences(study_of(RAW | fields))
    assert deep.startswith("along num_layers ") and "the first weights differ" in deep
    assert rate.startswith("along peak_lr and batch_rows ") and "weights to start from" in rate
    assert words.startswith("along tokenizer.vocab_size ") and "labelled examples alone" in words

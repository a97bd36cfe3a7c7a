"""What the representation protocol reads, and how it stands among cells, rows and claims."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from report_rows import row, small_study
from safetensors.torch import load_file
from small_blocks import BACKBONE, L, V, run_pretraining, write_blocks

from mae_bench.analysis.claims import judge_claims
from mae_bench.analysis.report import summary, write_report
from mae_bench.analysis.rows import read_metrics, read_scores
from mae_bench.data.blocks import load_blocks
from mae_bench.draws import Block, Draws
from mae_bench.errors import DataError, SpecError
from mae_bench.masking import MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.measures import MEASURES, measure_of
from mae_bench.model.backbone import load_backbone
from mae_bench.objectives.base import parse_options
from mae_bench.planning.plan import make_plan
from mae_bench.planning.study import study_of
from mae_bench.pretraining.health import VALIDATION_EPOCH
from mae_bench.pretraining.rebuild import rebuild_at
from mae_bench.progress import silent
from mae_bench.protocols.base import evaluate
from mae_bench.protocols.frozen_reader import FrozenReader, halves, spaced
from mae_bench.protocols.representation import probe_accuracy
from mae_bench.results import frame
from mae_bench.specs import CORPUS, Claim, EvaluateSpec, RepresentationRecipe

RECIPE = {"objective_ratios": [0.3], "batch_rows": 3}
WIDTH = BACKBONE.width


@pytest.fixture(scope="module")
def blocks(tmp_path_factory):
    """Return blocks of rows that count up, 40 of them for validation."""
    folder = write_blocks(tmp_path_factory.mktemp("corpus") / "blocks")
    rows = np.load(folder / "rows.npy")
    np.save(folder / "validation.npy", np.concatenate([rows] * 3))
    return folder


@pytest.fixture(scope="module")
def checkpoints(blocks):
    made = {"mlm": {"mask_ratio": 0.2}, "mae": {"decoder_layers": 2}, "simcse": {}}
    return {
        name: run_pretraining(blocks.parent, name, options, name=name)
        for name, options in made.items()
    }


def measured(blocks, checkpoint, out, **changes):
    spec = EvaluateSpec(
        checkpoint="abc", protocol="representation", recipe=RECIPE | changes.pop("recipe", {}),
        task=None, task_data="def", train_size="all", seed=0, **changes,
    )  # fmt: skip
    evaluate(spec, checkpoint=checkpoint, task=blocks, out=out, device="cpu", progress=silent)
    return json.loads((out / "metrics.json").read_text())


def test_it_measures_every_checkpoint_alike(blocks, checkpoints, tmp_path):
    reports = {name: measured(blocks, c, tmp_path / name) for name, c in checkpoints.items()}
    metrics = {name: report["results"][0]["metrics"] for name, report in reports.items()}
    own = {"perplexity_30", "masked_accuracy_30"}
    assert set(metrics["mlm"]) == set(metrics["mae"]) == set(metrics["simcse"]) | own
    for name, values in metrics.items():
        for metric, value in values.items():
            assert math.isfinite(value), metric
            if metric.startswith(("rank_tau", "entropy_rank", "participation_ratio")):
                assert 1 / WIDTH <= value <= 1, metric
        last, first = values["entropy_rank_layer1"], values["entropy_rank_layer0"]
        assert values["entropy_rank"] == last != first
        assert reports[name]["n_test"] == 36 and reports[name]["flops"] > 0
    again = measured(blocks, checkpoints["mlm"], tmp_path / "again")
    assert again | {"seconds": 0} == reports["mlm"] | {"seconds": 0}


def test_every_number_is_declared(blocks, checkpoints, tmp_path):
    for name, checkpoint in checkpoints.items():
        for metric in measured(blocks, checkpoint, tmp_path / name)["results"][0]["metrics"]:
            measure_of(metric)
        read = [json.loads((checkpoint / file).read_text()) for file in ("curve.json", "cost.json")]
        losses = [key for content in read for key in content if "loss" in key]
        assert set(losses) == {"loss", "final_loss", "validation_loss", "unread_loss"}
        assert {(measure_of(loss).better, measure_of(loss).unit) for loss in losses} == {
            ("lower", "nats")
        }


def test_a_metric_that_nobody_declared_is_not_written(blocks, checkpoints, tmp_path, monkeypatch):
    declared = {k: v for k, v in MEASURES._parts.items() if k != "iso_score"}
    monkeypatch.setattr(MEASURES, "_parts", declared)
    with pytest.raises(SpecError, match="metric 'iso_score' is not declared"):
        measured(blocks, checkpoints["mlm"], tmp_path / "out")
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_ranks_are_those_of_numpy_on_real_tokens(blocks, checkpoints, tmp_path):
    metrics = measured(blocks, checkpoints["mlm"], tmp_path)["results"][0]["metrics"]
    rows = torch.from_numpy(np.load(blocks / "validation.npy").astype(np.int64))
    with torch.no_grad():
        hidden = load_backbone(checkpoints["mlm"]).eval()(rows, None, rows == 0)
    real = hidden[rows >= NUM_SPECIAL].double().numpy()
    values = np.linalg.svd(real - real.mean(0), compute_uv=False)
    shares = values / values.sum()
    entropy = -float((shares[shares > 0] * np.log(shares[shares > 0])).sum())
    assert metrics["entropy_rank"] == pytest.approx(math.exp(entropy) / WIDTH, rel=1e-3)
    held = np.cumsum(values**2) / (values**2).sum()
    assert metrics["rank_tau"] == (np.argmax(held >= 0.9) + 1) / WIDTH


def test_masks_stand_where_real_tokens_stood(blocks, checkpoints, monkeypatch):
    reader = FrozenReader(checkpoints["mlm"], load_blocks(blocks), RepresentationRecipe(), 0, "cpu")
    shown = []

    def layers(ids, is_pad):
        shown.append(ids)
        return (ids[..., None].float(),) * 2

    monkeypatch.setattr(reader.backbone, "layers", layers)  # which other readers get, too
    monkeypatch.setattr(reader.backbone.encoder.config, "hidden_size", 1)
    reader.needed = 1
    seen = reader.read(silent)
    whole = torch.from_numpy(reader.rows)
    masked = torch.cat([ids for ids in shown if (ids == MASK_ID).any()])
    is_masked = masked == MASK_ID
    assert torch.equal(masked[~is_masked], whole[~is_masked])
    assert (whole[is_masked] >= NUM_SPECIAL).all()
    real = (whole >= NUM_SPECIAL).sum(1).double()
    assert torch.equal(is_masked.sum(1).double(), torch.floor(0.15 * real + 0.5))
    counts = {suffix: layers[-1].count for suffix, layers in seen.moments.items()}
    assert counts[""] == int(real.sum()) == counts["_beside_masks"] + counts["_at_masks"]
    assert counts["_at_masks"] == int(is_masked.sum())


def test_the_decoder_and_the_head_come_back_from_the_checkpoint(blocks, checkpoints, tmp_path):
    """Accuracy and perplexity are the objective's own, at another ratio than it trained with."""
    data = load_blocks(blocks)
    for name in ("mlm", "mae"):
        objective = rebuild_at(checkpoints[name], data, 0.3, "cpu")
        assert objective.options.mask_ratio == 0.3
        ids = torch.from_numpy(np.array(data.validation).astype(np.int64))
        block = Block(ids, ids == 0)
        view = objective.corrupt(block, Draws(0, VALIDATION_EPOCH, torch.arange(len(ids)), 1.0))
        if name == "mlm":  # nothing stays that the head could copy
            assert (view.input_ids != block.ids).sum() == view.is_target.sum()
        with torch.no_grad():
            output = objective(view)
        metrics = measured(blocks, checkpoints[name], tmp_path / name)["results"][0]["metrics"]
        assert metrics["perplexity_30"] == pytest.approx(math.exp(output.loss), rel=1e-4)
        assert metrics["masked_accuracy_30"] == pytest.approx(float(output.metrics["accuracy"]))
        assert metrics["perplexity_30"] < V


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mlm", {"corrupt_ratio": 0.2, "predict_ratio": 0.4}),
        ("mlm", {"predict_from": "before"}),
        ("mae", {"target_sets": 2}),
        ("mae", {"random_targets": True}),
        ("mae", {"variance_weight": 1.0}),
    ],
)
def test_every_predictor_is_asked_the_same_question(blocks, name, options, tmp_path):
    """Whatever it trained with, a row's own hidden tokens are predicted, all at once."""
    folder = run_pretraining(blocks.parent, name, options, name=f"{name} {options}")
    data = load_blocks(blocks)
    ids = torch.from_numpy(np.array(data.validation).astype(np.int64))
    block, draws = Block(ids, ids == 0), Draws(0, VALIDATION_EPOCH, torch.arange(len(ids)), 1.0)
    plain = run_pretraining(blocks.parent, name, {}, name=f"{name} plain")
    view, wanted = (rebuild_at(f, data, 0.3, "cpu").corrupt(block, draws) for f in (folder, plain))
    for field in ("target_positions", "target_ids", "is_target"):
        assert torch.equal(getattr(view, field), getattr(wanted, field)), field
    assert getattr(view, "labels", None) is None
    metrics = measured(blocks, folder, tmp_path)["results"][0]["metrics"]
    rebuilt = rebuild_at(folder, data, 0.3, "cpu")
    if name == "mlm":  # its head is asked where it was trained to answer
        assert rebuilt.options.predict_from == options.get("predict_from", "own")
    with torch.no_grad():
        assert metrics["perplexity_30"] == pytest.approx(math.exp(rebuilt(view).loss), rel=1e-4)


NEXT = {"causal": 0.5, "mlm": {"weight": 0.5, "predict_from": "before"}}
LATER = {"both": {"objective": "mixture", "share": 0.5, "parts": NEXT}, "simcse": 0.5}


@pytest.mark.parametrize(
    ("name", "options", "asked", "prefix"),
    [
        ("mixture", {"parts": {"contrastive": 0.2, "mlm": 1.0}}, "mlm", "parts.1."),
        ("mixture", {"parts": NEXT}, "mlm", "parts.1."),
        ("phases", {"steps": {"mlm": 0.5, "mae": 0.5}}, "mae", "parts.1."),
        ("phases", {"steps": LATER}, "mlm", "parts.0.parts.1."),
        ("distill", {"teacher": "mlm", "mask_ratio": 0.4}, "mlm", ""),
        ("distill", {"teacher": "mlm", "mlm_weight": 0, "soft_weight": 0}, None, ""),
        ("mixture", {"parts": {"causal": 1.0, "simcse": 0.1}}, None, ""),
    ],
)
def test_the_part_that_predicts_is_asked(
    blocks, checkpoints, name, options, asked, prefix, tmp_path
):
    teacher = checkpoints["mlm"] if name == "distill" else None
    canonical = parse_options(name, options).canonical()  # a list: spec.json sorts mappings
    folder = run_pretraining(
        blocks.parent, name, canonical, name=f"{name} {options}"[:99], teacher=teacher
    )
    rebuilt = rebuild_at(folder, load_blocks(blocks), 0.3, "cpu")
    metrics = measured(blocks, folder, tmp_path)["results"][0]["metrics"]
    assert ("perplexity_30" in metrics) == (asked is not None)
    if asked is None:
        assert rebuilt is None
        return
    assert (rebuilt.name, rebuilt.options.mask_ratio) == (asked, 0.3)
    if "parts" in prefix and asked == "mlm":
        assert rebuilt.options.predict_from == ("before" if "before" in str(options) else "own")
    saved = load_file(folder / "objective.safetensors")
    for key, value in rebuilt.state_to_save().items():
        assert torch.equal(value, saved[prefix + key]), key


@pytest.mark.parametrize("target", ["embeddings", "ema_features"])
def test_a_loss_on_vectors_is_no_perplexity(blocks, target, tmp_path):
    folder = run_pretraining(blocks.parent, "mae", {"target": target}, name=f"mae {target}")
    metrics = measured(blocks, folder, tmp_path)["results"][0]["metrics"]
    assert "rank_tau" in metrics
    assert not any(name.startswith(("perplexity", "masked_accuracy")) for name in metrics)


def test_it_ends_where_its_ratio_hides_nothing(blocks, checkpoints, tmp_path):
    short = shutil.copytree(blocks, tmp_path / "blocks")
    rows = np.load(short / "validation.npy")
    rows[:, 5], rows[:, 6:] = SEP_ID, PAD_ID
    np.save(short / "validation.npy", np.concatenate([rows] * 4))
    meta = json.loads((short / "meta.json").read_text())
    (short / "meta.json").write_text(json.dumps(meta | {"has_pads": True}))
    with pytest.raises(DataError, match=r"mask_ratio 0\.1 hides 0 tokens of these 144 validation"):
        measured(short, checkpoints["mlm"], tmp_path / "out", recipe={**RECIPE, "mask_ratio": 0.1})


def test_too_few_tokens_are_refused_with_both_numbers(blocks, checkpoints, tmp_path):
    with pytest.raises(DataError, match=f"at least {4 * WIDTH} real tokens.*1 of the corpus' 36"):
        measured(blocks, checkpoints["mlm"], tmp_path, recipe={"num_rows": 1})


def test_halves_are_texts_of_their_own():
    ids = torch.arange(10, 10 + 2 * L).reshape(2, L)
    ids[:, 0], ids[:, -1] = 2, 3
    ids[1, L // 2 + 1], ids[1, L // 2 + 2 :] = 3, 0
    first, second = halves(Block(ids, ids == 0))
    assert first.ids.tolist() == [[*ids[0, : L // 2].tolist(), 3]]
    assert second.ids.tolist() == [[2, *ids[0, L // 2 :].tolist()]]


def test_rows_are_spaced_over_the_whole_corpus():
    assert spaced(10, 4).tolist() == [0, 3, 6, 9]
    assert spaced(3, 9).tolist() == [0, 1, 2]


def test_the_probe_of_token_types_knows_chance_from_certainty():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(400, 5, generator=generator)
    is_masked = torch.arange(400) % 3 == 0
    rows = torch.arange(400) // 10
    assert abs(probe_accuracy(vectors, is_masked, rows) - 0.5) < 0.15
    assert probe_accuracy(vectors + 9 * is_masked[:, None], is_masked, rows) == 1
    assert probe_accuracy(vectors, torch.zeros(400, dtype=torch.bool), rows) is None


RAW = {
    "name": "small",
    "backbone": {"num_layers": 1, "hidden_size": 32, "num_heads": 2},
    "corpus": {"sources": ["world"], "tokens": 20_000, "row_length": 32},
    "finetune": {"max_length": 32},
    "objectives": ["mlm", "mae"],
    "tasks": ["world/topic", "world/sentiment"],
    "protocols": ["finetune", "representation"],
    "train_sizes": [20, 50],
    "noise": ["clean", {"typos": 0.1}],
    "seeds": 2,
}


def test_a_checkpoint_has_one_evaluation_whatever_tasks_sizes_and_noises():
    plan = make_plan(study_of(RAW), None)
    mine = [cell for cell in plan.cells if cell.protocol == "representation"]
    assert len(mine) == 3 * 2
    assert {(cell.task, cell.train_size, cell.noise.label) for cell in mine} == {
        (None, "all", "clean")
    }
    assert not any(cell.is_floor for cell in mine)
    stages = {stage.id: stage for stage in plan.stages}
    for cell in mine:
        assert [kind for kind, _ in stages[cell.evaluate].needs] == ["pretrain", "blocks"]


def test_its_ids_are_what_they_were():
    """Its cells had the task "corpus" once; ids still name it so."""
    cells = make_plan(study_of(RAW | {"seeds": 1}), None).cells
    mine = {cell.arm.label: cell.evaluate for cell in cells if cell.task is None}
    assert mine == {
        "random_init": "3f8c859348ea5570",
        "mlm": "937712f0bee5bd1c",
        "mae": "5dcc1c0864836583",
    }


def test_alone_it_needs_no_task_and_has_no_floors():
    plan = make_plan(study_of(RAW | {"tasks": ["corpus"], "protocols": ["representation"]}), None)
    assert {stage.kind for stage in plan.stages} == {"tokenizer", "blocks", "pretrain", "evaluate"}
    assert not any(cell.is_floor for cell in plan.cells)
    with pytest.raises(SpecError, match="tasks must name a task for the protocols finetune"):
        make_plan(study_of(RAW | {"tasks": ["corpus"]}), None)
    with pytest.raises(SpecError, match="no protocol of the study reads rows of the corpus"):
        make_plan(
            study_of(RAW | {"tasks": ["world/topic", "corpus"], "protocols": ["finetune"]}), None
        )


def rows_of_both():
    """Return rows in which mae gains on the task, and loses rank."""
    rows = []
    for seed in range(8):  # the same difference at six seeds decides nothing
        for arm, score, rank in (("mlm", 0.5, 0.6), ("mae", 0.7, 0.4)):
            noise = 0.001 * ((seed * 7) % 5)
            rows.append(row(arm, score + noise, seed))
            inside = {"protocol": "representation", "metric": "rank_tau", "n_train": 0}
            rows.append(row(arm, rank + noise, seed, CORPUS, **inside))
            inside |= {"metric": "mask_probe", "is_primary": False}
            rows.append(row(arm, 2 * rank + noise, seed, CORPUS, **inside))
    return frame(rows)


def test_the_corpus_stays_apart_from_the_tasks(tmp_path):
    claims = (
        Claim(sentence="gains", treatment="mae", control="mlm"),
        Claim(sentence="loses rank", treatment="mlm", control="mae", protocol="representation"),
        Claim(sentence="probe", treatment="mlm", control="mae", metric="mask_probe"),
        Claim(sentence="nothing", treatment="mlm", control="mae", metric="absent"),
    )
    study = small_study(
        protocols=("finetune", "representation"), claims=claims, seeds=tuple(range(8))
    )
    rows = rows_of_both()
    scores = read_scores(rows, study)
    assert [(s.protocol, scores.tasks_in(s)) for s in scores.settings] == [
        ("finetune", ("sst2",)),
        ("representation", (CORPUS,)),
    ]
    verdicts = judge_claims(study, scores, read_metrics(rows, study))
    assert [v.outcome for v in verdicts] == ["supported"] * 3 + ["not run"]
    assert [v.difference for v in verdicts[:3]] == pytest.approx([0.2, 0.2, 0.4])
    assert summary(rows, study).tasks == ("sst2",)
    write_report(rows, study, tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    scores_of = page.partition('id="scores"')[2].partition('id="costs"')[0]
    assert "corpus (rank_tau)" in scores_of and "not run" not in scores_of

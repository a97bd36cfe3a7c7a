"""Where dropout acts: in what is trained, at its own rate, and never in what only teaches."""

import pytest
import torch
from small_cases import save_encoder, small_spec, small_task

from mae_bench.draws import Draws
from mae_bench.masking import CLS_ID, NUM_SPECIAL, SEP_ID
from mae_bench.model.backbone import build_backbone, load_backbone
from mae_bench.model.moving_average import MovingAverage
from mae_bench.model.teacher import load_teacher
from mae_bench.objectives.base import OBJECTIVES, Block, parse_options
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json
from mae_bench.progress import silent
from mae_bench.protocols.finetune import run
from mae_bench.specs import BackboneSpec

V, B, L = 40, 4, 16
DRAWS = Draws(0, 0, torch.arange(B))
STILL = BackboneSpec(num_layers=1, hidden_size=32, num_heads=2, max_length=L)
NOISY = STILL.model_copy(update={"dropout": 0.5})


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Return two encoders of the same weights, by their dropout."""
    folder = tmp_path_factory.mktemp("encoders")
    return {rate: save_encoder(folder / str(rate), dropout=rate) for rate in (0.0, 0.5)}


def finetune(encoder, **recipe):
    data = small_task("classify")
    spec = small_spec("finetune", data, recipe=recipe)
    return run(spec, checkpoint=encoder, task=data, device="cpu", progress=silent)


def test_a_fine_tune_keeps_the_dropout_of_the_encoder(encoders):
    plain, noisy = (
        finetune(encoders[rate], dropout=0.0, learning_rates=(1e-3,)) for rate in (0.0, 0.5)
    )
    assert plain.trials[0].loss != noisy.trials[0].loss


def test_predictions_of_a_fine_tune_know_no_dropout(encoders):
    """At a rate that moves nothing, the two encoders are one."""
    plain, noisy = (
        finetune(encoders[rate], dropout=0.0, learning_rates=(1e-12,)) for rate in (0.0, 0.5)
    )
    assert plain.trials[0].loss == pytest.approx(noisy.trials[0].loss, rel=1e-5)


def block():
    ids = torch.randint(NUM_SPECIAL, V, (B, L), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, -1] = CLS_ID, SEP_ID
    return Block(ids)


@pytest.fixture
def teacher(tmp_path):
    """Return the folder of an mlm whose encoder has dropout."""
    mlm = OBJECTIVES.get("mlm")(
        build_backbone(NOISY, V, 1), NOISY, parse_options("mlm", {}), seed=1
    )
    save_checkpoint(mlm, tmp_path, tmp_path)
    write_json({"objective": "mlm", "options": {}}, tmp_path / "spec.json")
    assert max(m.p for m in load_backbone(tmp_path).modules() if isinstance(m, torch.nn.Dropout))
    return tmp_path


def student_of(teacher, name="distill", options=None):
    given = options or {"teacher": "x", "relation_weight": 1.0, "relation_heads": 2}
    return OBJECTIVES.get(name)(
        build_backbone(STILL, V, 0), STILL, parse_options(name, given), seed=0, teacher=teacher
    )


PUPIL = {"objective": "distill", "teacher": "x"}


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("distill", None),
        ("mixture", {"parts": {"pupil": PUPIL, "mae": 1.0}}),
        ("phases", {"steps": {"pupil": {"share": 0.5, **PUPIL}, "mae": 0.5}}),
    ],
)
def test_a_teacher_has_no_dropout_while_its_student_trains(teacher, name, options):
    student = student_of(teacher, name, options).train()
    view = student.corrupt(block(), DRAWS)
    with torch.no_grad():
        losses = {float(student(view).loss) for _ in range(3)}
        assert losses == {float(student.eval()(view).loss)}


def test_a_loaded_teacher_is_ready_and_stays_so(teacher):
    loaded = load_teacher(teacher, "head")
    assert not any(module.training for module in loaded.modules())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert not any(module.training for module in loaded.train().modules())


def test_a_moving_average_has_no_dropout_while_its_encoder_trains():
    objective = OBJECTIVES.get("mae")(
        build_backbone(NOISY, V, 0), NOISY, parse_options("mae", {"target": "ema_features"}), seed=0
    ).train()
    assert isinstance(objective.average, MovingAverage)
    whole = objective.corrupt(block(), DRAWS).parts["whole"]
    positions = torch.arange(1, 5).expand(B, -1)
    targets = [
        objective.average.targets(whole.input_ids, whole.positions, None, positions)
        for _ in range(2)
    ]
    assert torch.equal(*targets)

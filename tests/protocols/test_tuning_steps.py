"""Recorded steps of fine-tunes: the results of single ones, at every rate."""

import pytest
import torch
from small_cases import save_encoder, small_spec, small_task

from mae_bench.pretraining.recorded import Plain
from mae_bench.progress import silent
from mae_bench.protocols import finetune, tuning_steps
from mae_bench.protocols.tuning_steps import RecordedTuning, make_tuning_step

RATES = (1e-3, 3e-3)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder"))


def tuned(encoder, kind="classify", device="cpu", compile_by="off", **recipe):
    data = small_task(kind)
    fields = {"learning_rates": RATES, "dropout": 0.0, "min_steps": 24}
    spec = small_spec("finetune", data, recipe=fields | recipe)
    return finetune.run(
        spec, checkpoint=encoder, task=data, device=device, progress=silent, compile_by=compile_by
    )


def losses(result):
    return [trial.facts["train_loss"] for trial in result.trials]


class Broken(Plain):
    """A recorder that cannot record."""

    def record(self, work):
        raise RuntimeError("capture is not allowed\nand more")


@pytest.mark.parametrize("kind", ["classify", "tag", "regress"])
def test_a_replayed_step_is_a_single_one(encoder, kind, monkeypatch):
    wanted = tuned(encoder, kind)
    made = []

    def recorded(step, compile_by):
        made.append(RecordedTuning(step, Plain()))
        return made[-1]

    monkeypatch.setattr(tuning_steps, "make_tuning_step", recorded)
    result = tuned(encoder, kind)
    assert losses(result) == pytest.approx(losses(wanted), rel=1e-4)
    assert result.compiled == "graph" == result.record()["compiled"]
    (steps,) = made  # the second rate has the first one's recordings
    assert steps.recordings


def test_what_cannot_be_recorded_is_run_step_by_step_and_says_so(encoder, monkeypatch):
    wanted = tuned(encoder)
    made = lambda step, compile_by: RecordedTuning(step, Broken())  # noqa: E731
    monkeypatch.setattr(tuning_steps, "make_tuning_step", made)
    result = tuned(encoder)
    assert result.compiled == "off: graph failed: capture is not allowed"
    assert losses(result) == pytest.approx(losses(wanted), rel=1e-4)


def test_a_cpu_runs_single_steps_and_says_why(encoder):
    assert tuned(encoder, compile_by="auto").compiled == "off"
    assert tuned(encoder, compile_by="graph").compiled == "off: graph needs a CUDA GPU"
    assert "not compiled" in tuned(encoder, compile_by="inductor").compiled


def test_an_optimizer_that_counts_on_the_host_is_not_recorded():
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters())
    step = tuning_steps.TuningStep(model, None, optimizer, None, "cuda")
    assert make_tuning_step(step, "auto").how.startswith("off: AdamW without bias correction")


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["classify", "tag", "regress"])
def test_a_graph_has_the_results_of_single_steps(encoder, kind):
    single = tuned(encoder, kind, device="cuda")
    graph = tuned(encoder, kind, device="cuda", compile_by="auto")
    assert (single.compiled, graph.compiled) == ("off", "graph")
    assert losses(graph) == pytest.approx(losses(single), rel=5e-3)

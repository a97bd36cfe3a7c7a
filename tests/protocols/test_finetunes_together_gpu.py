"""On a card: learning rates and seeds at once score as each fine-tune does alone there."""

import pytest
from test_finetunes_together import TUNED, company, encoders, evaluations

from mae_bench.protocols.finetune import run, run_together

pytestmark = pytest.mark.gpu
__all__ = ["encoders"]


@pytest.mark.parametrize("how", ["off", "graph"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", TUNED)
def test_each_ends_as_it_does_alone_on_a_card(kind, precision, how, encoders):
    """In fp32 losses agree to 1e-2: of matrix products in TF32, and of steps that build on them."""
    given = evaluations(encoders, kind, recipe={"precision": precision, "min_steps": 24})
    groups = run_together(given, device="cuda", compile_by=how)
    assert company(groups) == [(6, "")] * 2
    assert [group.compiled for group in groups] == [how] * 2
    rel = {"fp32": 1e-2, "bf16": 0.1}[precision]
    for group, each in zip(groups, given, strict=True):
        single = run(
            each.spec,
            checkpoint=each.checkpoint,
            task=each.task,
            device="cuda",
            progress=each.progress,
        )
        assert group.flops == single.flops
        for own, other in zip(group.trials, single.trials, strict=True):
            assert own.chosen == other.chosen
            facts = [trial.facts["train_loss"] for trial in (own, other)]
            assert facts[0] == pytest.approx(facts[1], rel=rel, abs=1e-3)

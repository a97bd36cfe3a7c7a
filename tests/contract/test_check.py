"""The contract that `mae-bench check` runs: kept by ours, and broken by one fault at a time."""

import pytest
import torch
from torch.nn import functional as F

from mae_bench.costs import Flops
from mae_bench.draws import Draws
from mae_bench.masking import MASK_ID, NUM_SPECIAL
from mae_bench.objectives.base import OBJECTIVES, LossOutput, Objective, View
from mae_bench.objectives.mlm import MaskedLanguageModel
from mae_bench.objectives.targets import all_positions
from mae_bench.training.contract import CHECKS, ContractError, run_checks
from mae_bench.training.specimen import Specimen


@pytest.mark.parametrize(
    ("name", "options"), [("mae", {}), ("mlm", {}), ("distill", {"teacher": "mlm"})]
)
def test_ours_keep_it(name, options, tmp_path):
    assert {what for what, wrong in run_checks(Specimen(name, options, tmp_path)) if wrong} == set()


class Sound(MaskedLanguageModel):
    """An mlm under another name, which each fault below breaks in one place."""

    name = "faulty"


class Named(Sound):
    name = "another"


class Impure(Sound):
    def corrupt(self, block, draws):
        return super().corrupt(block, Draws(int(torch.rand(()) * 1e6), 0, draws.row_ids))


class Batched(Sound):
    def corrupt(self, block, draws):
        return super().corrupt(block, Draws(0, 0, torch.arange(len(block.ids))))


class Special(Sound):
    def corrupt(self, block, draws):
        view = super().corrupt(block, draws)
        zeros = torch.zeros_like(view.target_positions)
        return View(
            view.input_ids, view.positions, view.is_pad, zeros, block.ids.gather(1, zeros), None
        )


class Leaking(Sound):
    """The first kept token beside a mask becomes a function of the hidden one."""

    def corrupt(self, block, draws):
        view = super().corrupt(block, draws)
        seen = view.input_ids.clone()
        hint = NUM_SPECIAL + view.target_ids[:, :1] % 7
        is_kept = (seen >= NUM_SPECIAL) & (seen != MASK_ID)
        seen.scatter_(1, is_kept.long().argmax(1, keepdim=True), hint)
        return View(
            seen, view.positions, view.is_pad, view.target_positions, view.target_ids,
            view.is_target,
        )  # fmt: skip


class Detached(Sound):
    def forward(self, view):
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad).detach()
        return LossOutput(F.mse_loss(self.head.dense(hidden), hidden * 0 + 1), 1)


class Cheap(Sound):
    @classmethod
    def flops_per_step(cls, options, shape):
        return Flops(encoder=shape.encoder())


class Restarted(Sound):
    def build(self, teacher):
        super().build(teacher)
        with torch.no_grad():
            self.backbone.embedding.weight.mul_(1.01)


class Crashing(Sound):
    def corrupt(self, block, draws):
        return {}["missing"]


FAULTS = {
    Named: ("declaration", "name it 'faulty'"),
    Impure: ("purity", "draw through `draws`"),
    Batched: ("batching", "depends on the rows beside it"),
    Special: ("positions", "predicts [CLS], [SEP] or padding"),
    Leaking: ("leak", "they leak"),
    Detached: ("gradient", "no gradient reaches the backbone"),
    Cheap: ("flops", "torch counts"),
    Restarted: ("start", "does not start as others do"),
    Crashing: ("purity", "it raised KeyError: 'missing'"),
}


@pytest.fixture
def registered():
    """Register a class for one test."""
    yield lambda kind: OBJECTIVES.register("faulty")(kind)
    OBJECTIVES._parts.pop("faulty", None)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_each_fault_is_found_by_its_check(fault, registered, tmp_path):
    registered(fault)
    check, part = FAULTS[fault]
    specimen = Specimen("faulty", {}, tmp_path)
    if fault is Crashing:
        found = dict(run_checks(specimen))
        assert found[check] == part and found["declaration"] == ""
        return
    with pytest.raises(ContractError) as caught:
        CHECKS[check](specimen)
    assert part in str(caught.value)


def test_a_part_that_is_not_saved_is_found(registered, tmp_path):
    class Unsaved(Sound):
        def state_to_save(self):
            return {}

    registered(Unsaved)
    with pytest.raises(ContractError, match="after loading"):
        CHECKS["reload"](Specimen("faulty", {}, tmp_path))


def test_an_abstract_objective_is_not_asked_for_rows(tmp_path):
    """Positions of a view may be fewer than the row, as a mae's are."""
    assert issubclass(OBJECTIVES.get("mae"), Objective)
    objective = Specimen("mae", {}, tmp_path).make()
    view = objective.corrupt(*_step())
    assert view.positions.shape[1] < all_positions(_step()[0].ids).shape[1]


def _step():
    from mae_bench.training.specimen import draws, rows

    return rows(), draws()

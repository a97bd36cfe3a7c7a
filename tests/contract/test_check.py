"""The contract that `mae-bench check` runs: kept by ours, and broken by one fault at a time."""

import dataclasses
import logging
from typing import Literal

import pytest
import torch
from torch.nn import functional as F

from mae_bench.contract.backbone import CHECKS as BACKBONE_CHECKS
from mae_bench.contract.backbone import BackboneCase
from mae_bench.contract.fixtures import SPEC, Fixture, draws, rows
from mae_bench.contract.objective import CHECKS, _counted_at, run_checks
from mae_bench.contract.views import ContractError
from mae_bench.costs import Flops
from mae_bench.draws import Draws
from mae_bench.masking import MASK_ID, NUM_SPECIAL
from mae_bench.model.encoder_folder import NoPooler
from mae_bench.objectives.base import OBJECTIVES, LossOutput, Objective, Predictor, View
from mae_bench.objectives.mae import MaskedAutoencoder
from mae_bench.objectives.mlm import MaskedLanguageModel
from mae_bench.objectives.targets import all_positions


def test_ours_keep_it(tmp_path):
    """Every other setting is held to it by test_objectives_contract."""
    results = run_checks(Fixture("mlm", {}, tmp_path))
    assert {what for what, wrong in results if wrong} == set()


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


class Plain(Sound):
    """The encoder reads the row as it is."""

    def corrupt(self, block, draws):
        return dataclasses.replace(super().corrupt(block, draws), input_ids=block.ids)


class PlainInCopies(Plain):
    """So do the copies of a row that predict its tokens apart, but the first."""

    class Options(Plain.Options):
        corrupt_ratio: float = 0.2
        predict_ratio: float = 0.4

    def corrupt(self, block, draws):
        view = MaskedLanguageModel.corrupt(self, block, draws)
        seen = torch.cat([view.input_ids[: len(block.ids)], block.ids])
        return dataclasses.replace(view, input_ids=seen)


class Compacted(MaskedAutoencoder):
    """Kept tokens stand at 0..V-1, as if nothing had been between them."""

    name = "faulty"

    def corrupt(self, block, draws):
        view = super().corrupt(block, draws)
        return dataclasses.replace(view, positions=all_positions(view.positions))


class Averaged(MaskedAutoencoder):
    """A mae whose targets are features of a moving average."""

    name = "faulty"

    class Options(MaskedAutoencoder.Options):
        target: Literal["ema_features"] = "ema_features"


class Unfollowing(Averaged):
    def after_step(self):
        self.average.update(self.average)


class Diverging(Averaged):
    def after_step(self):
        self.average.decay = -1e9
        super().after_step()


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


class Paid(Sound):
    """It says that it does not train, and has the price of an mlm."""

    is_trained = False


class Crashing(Sound):
    def corrupt(self, block, draws):
        return {}["missing"]


class Empty(Sound):
    def forward(self, view):
        output = super().forward(view)
        return LossOutput(output.loss / output.predicted, max(1, output.predicted))


class Seeded(Sound):
    def forward(self, view):
        output = super().forward(view)
        return LossOutput(output.loss * (1 + self.seed), output.predicted)


class Headless(Sound):
    @classmethod
    def provides(cls, options):
        return dataclasses.replace(super().provides(options), soft_head="decoder")


class Unanswering(Sound):
    """It offers a mae as what predicts for it, whose decoder it never saved."""

    @classmethod
    def provides(cls, options):
        return dataclasses.replace(super().provides(options), predictor=Predictor("mae", {}))


FAULTS = {
    Named: ("declaration", "name it 'faulty'"),
    Impure: ("purity", "draw through `draws`"),
    Batched: ("batching", "depends on the rows beside it"),
    Special: ("positions", "predicts [CLS], [SEP] or padding"),
    Leaking: ("leak", "they leak"),
    Plain: ("leak", "they leak"),
    PlainInCopies: ("leak", "they leak"),
    Compacted: ("kept_positions", "another position than in their row"),
    Unfollowing: ("gradient", "after_step leaves average."),
    Diverging: ("gradient", "the loss is not finite at step"),
    Detached: ("gradient", "no gradient reaches the backbone"),
    Cheap: ("flops", "torch counts"),
    Seeded: ("batched", "the loss of seed 1 is"),
    Headless: ("provisions", "no VocabularyHead has that name"),
    Unanswering: ("provisions", "which state_to_save does not hold"),
    Restarted: ("start", "does not start as others do"),
    Empty: ("short", "the loss on texts of one token is nan"),
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
    fixture = Fixture("faulty", {}, tmp_path)
    if fault is Crashing:
        results = dict(run_checks(fixture))
        assert results[check] == part and results["declaration"] == ""
        return
    with pytest.raises(ContractError) as caught:
        CHECKS[check](fixture)
    assert part in str(caught.value)


def test_steps_of_another_form_are_counted_apart(tmp_path):
    case = Fixture("phases", {"steps": {"mae": 0.25, "mlm": 0.75}}, tmp_path)
    first, again, last = _counted_at((0.1, 0.2, 0.9), case, SPEC, rows())
    assert first == again != last


@pytest.mark.parametrize(
    ("name", "options", "field", "check"),
    [
        ("causal", {}, "shows_targets", "leak"),
        ("deshuffle", {}, "shows_targets", "leak"),
        ("mlm", {"loss_on": "all"}, "shows_targets", "leak"),
        ("mae_bottleneck", {}, "shows_targets", "leak"),
        ("distill", {"teacher": "mlm", "mask_inputs": False, "mlm_weight": 0.0}, "shows_targets",
         "leak"),
        ("simcse", {"view": "spans"}, "moves_tokens", "kept_positions"),
        ("contrastive", {}, "moves_tokens", "kept_positions"),
        ("span_denoise", {}, "moves_tokens", "kept_positions"),
        ("deshuffle", {"mask_ratio": 0.5}, "moves_tokens", "kept_positions"),
    ],
)  # fmt: skip
def test_what_is_declared_is_so(name, options, field, check, monkeypatch, tmp_path):
    """Without its declaration, each of ours that shows or moves tokens is refused."""
    fixture = Fixture(name, options, tmp_path)
    CHECKS[check](fixture)
    declared = fixture.kind.provides

    def silent(options):
        return dataclasses.replace(declared(options), **{field: False})

    monkeypatch.setattr(fixture.kind, "provides", silent)
    with pytest.raises(ContractError, match=f"say {field}"):
        CHECKS[check](fixture)


def test_a_part_that_is_not_saved_fails_its_check(registered, tmp_path):
    class Unsaved(Sound):
        def state_to_save(self):
            return {}

    registered(Unsaved)
    with pytest.raises(ContractError, match="after loading"):
        CHECKS["reload"](Fixture("faulty", {}, tmp_path))


def test_what_does_not_train_is_judged_as_such(registered, tmp_path):
    for name in ("random_init", "faulty"):
        if name == "faulty":
            registered(Paid)
        results = dict(run_checks(Fixture(name, {}, tmp_path)))
        assert set(results) == {"declaration", "json", "provisions", "start", "untrained"}
        wrong = {check for check, sentence in results.items() if sentence}
        assert wrong == ({"untrained"} if name == "faulty" else set())
    assert "says is_trained = False and costs" in results["untrained"]


def test_checking_a_backbone_shows_no_report_of_its_pooler(tmp_path, capfd):
    BACKBONE_CHECKS["weights"](BackboneCase("bert", tmp_path))
    assert "LOAD REPORT" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("key", "is_kept"), [("pooler.dense.bias", False), ("encoder.layer.0.output.bias", True)]
)
def test_other_missing_weights_are_still_reported(key, is_kept):
    report = f"BertModel LOAD REPORT from: x\nKey | Status | \n---+---+-\n{key} | MISSING | "
    record = logging.LogRecord("x", logging.WARNING, "", 0, report, None, None)
    assert NoPooler().filter(record) is is_kept


def test_an_abstract_objective_is_not_asked_for_rows(tmp_path):
    """Positions of a view may be fewer than the row, as a mae's are."""
    assert issubclass(OBJECTIVES.get("mae"), Objective)
    objective = Fixture("mae", {}, tmp_path).make()
    view = objective.corrupt(*_step())
    assert view.positions.shape[1] < all_positions(_step()[0].ids).shape[1]


def _step():
    return rows(), draws()

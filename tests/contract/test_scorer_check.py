"""What `mae-bench check` holds a scorer to: kept by ours, and broken by one fault at a time."""

import dataclasses

import pytest
import torch
from objective_cases import CASES

from mae_bench.contract.fixtures import Fixture
from mae_bench.contract.objective import CHECKS, run_checks
from mae_bench.contract.views import ContractError
from mae_bench.objectives.base import OBJECTIVES, Objective, Scorer
from mae_bench.objectives.causal import CausalLanguageModel
from mae_bench.objectives.mae import MaskedAutoencoder
from mae_bench.objectives.mlm import MaskedLanguageModel
from mae_bench.objectives.targets import before


def provisions(name, options):
    kind = OBJECTIVES.get(name)
    return kind.provides(kind.Options(**options))


SCORING = [case for case in CASES if provisions(*case).scorer]


@pytest.mark.parametrize("case", SCORING, ids=str)
def test_ours_say_how_likely_tokens_are(case, tmp_path):
    CHECKS["scorer"](Fixture(*case, tmp_path))


def test_many_of_ours_have_a_scorer():
    assert {name for name, _ in SCORING} >= {"mlm", "mae", "mae_bottleneck", "causal", "distill"}


class Sound(MaskedLanguageModel):
    """An mlm of another package, which each fault breaks in one place."""

    name = "faulty"

    @classmethod
    def provides(cls, options):
        return dataclasses.replace(
            super().provides(options), scorer=Scorer("faulty", options.canonical())
        )


class Mute(Sound):
    guess_tokens = Objective.guess_tokens


class Gapless(Sound):
    """Scores without logits, which a prompt would ask for."""

    def score_tokens(self, view):
        return MaskedLanguageModel.guess_tokens(self, view).scores()

    guess_tokens = Objective.guess_tokens


class Logits(Sound):
    def score_tokens(self, view):
        logits = self.token_logits(view)
        return logits.gather(1, view.target_ids.reshape(-1, 1))[:, 0] - 9, logits.argmax(-1) == 0


class Peeking(Sound):
    """The encoder reads the token that it is asked for."""

    @torch.no_grad()
    def build(self, teacher):
        super().build(teacher)
        for parameter in self.backbone.parameters():
            parameter.mul_(3)  # initial weights hardly attend

    def guess_tokens(self, view):
        seen = view.input_ids.scatter(1, view.target_positions, view.target_ids)
        return super().guess_tokens(dataclasses.replace(view, input_ids=seen))


class Turned(Sound):
    """The numbers of each row stand in reverse."""

    def score_tokens(self, view):
        rows = len(view.input_ids)
        nats, is_best = super().score_tokens(view)
        return nats.view(rows, -1).flip(1).flatten(), is_best.view(rows, -1).flip(1).flatten()


class Summed(Sound):
    def score_tokens(self, view):
        nats, is_best = super().score_tokens(view)
        return nats.view(len(view.input_ids), -1).sum(1), is_best


class NeverBest(Sound):
    def score_tokens(self, view):
        nats, is_best = super().score_tokens(view)
        return nats, torch.zeros_like(is_best)


class OtherLogits(Sound):
    def token_logits(self, view):
        return 2 * super().token_logits(view)


class Borrowing(Sound):
    """It offers a mae as its scorer, whose decoder it never saved."""

    @classmethod
    def provides(cls, options):
        return dataclasses.replace(super().provides(options), scorer=Scorer("mae", {}))


class Crashing(Sound):
    def score_tokens(self, view):
        return {}["missing"]


class Sighted(CausalLanguageModel):
    """Without the mask a token is read where the one before it predicts it."""

    name = "faulty"

    @classmethod
    def provides(cls, options):
        scorer = Scorer("faulty", options.canonical(), is_left_to_right=True)
        return dataclasses.replace(super().provides(options), scorer=scorer)

    def guess_tokens(self, view):
        hidden = self.backbone(view.input_ids, view.positions, view.is_pad)
        guess = super().guess_tokens(view)
        index = before(view).target_positions[..., None].expand(-1, -1, hidden.shape[-1])
        return dataclasses.replace(guess, features=hidden.gather(1, index).flatten(0, 1))


FAULTS = {
    Mute: "whose class has no score_tokens; write guess_tokens",
    Gapless: "has no token_logits, which prompts ask for",
    Logits: "by score_tokens, not to 1",
    Peeking: "changes with another that is hidden",
    Turned: "changes with another that is hidden",
    Summed: "return one number each, (180,)",
    NeverBest: "that it is the best, and of no other",
    OtherLogits: "say different things of the same tokens",
    Borrowing: "its scorer 'mae' reads decoder",
    Crashing: "it raised KeyError: 'missing'",
    Sighted: "or comes later",
}


@pytest.fixture
def registered():
    """Register a class for one test."""
    yield lambda kind: OBJECTIVES.register("faulty")(kind)
    OBJECTIVES._parts.pop("faulty", None)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_each_fault_is_one_sentence(fault, registered, tmp_path):
    registered(fault)
    fixture = Fixture("faulty", {}, tmp_path)
    if fault is Crashing:
        with pytest.raises(KeyError):
            CHECKS["scorer"](fixture)
        return
    with pytest.raises(ContractError) as caught:
        CHECKS["scorer"](fixture)
    assert FAULTS[fault] in str(caught.value) and "\n" not in str(caught.value)


def test_check_says_it(registered, tmp_path):
    registered(Mute)
    results = dict(run_checks(Fixture("faulty", {}, tmp_path)))
    assert FAULTS[Mute] in results["scorer"]


def test_what_provides_none_is_asked_nothing(registered, tmp_path):
    class Vectors(MaskedAutoencoder):
        name = "faulty"

        @classmethod
        def provides(cls, options):
            return dataclasses.replace(super().provides(options), scorer=None)

        guess_tokens = Objective.guess_tokens

    registered(Vectors)
    CHECKS["scorer"](Fixture("faulty", {}, tmp_path))

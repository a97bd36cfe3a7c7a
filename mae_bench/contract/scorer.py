"""What a scorer of an objective must answer where a study asks it how likely tokens are.

Legend: B rows, L positions, V token ids.
"""

import torch
from torch import Tensor

from mae_bench.contract.fixtures import SPEC, Fixture, L, V, rows
from mae_bench.contract.views import ContractError, hold
from mae_bench.draws import Block, Draws
from mae_bench.model.teacher import SPEC_FILE
from mae_bench.objectives.base import Objective, Scorer
from mae_bench.pretraining.checkpoint import save_checkpoint, write_json
from mae_bench.pretraining.rebuild import rebuild_scorer
from mae_bench.specs import PretrainRecipe, PretrainSpec

FIRST, SECOND = L // 3, L // 2  # positions of a row that are asked for together
CLOSE = 1e-4  # nats


def check_scorer(case: Fixture) -> None:
    """Its scorer, rebuilt from a checkpoint, gives log-probabilities of the tokens asked for.

    At one position stands each token in turn. Over all of them probabilities sum to 1, which they
    do not where the scorer has seen the token; what is said of another hidden position, or of one
    before it, must not change.
    """
    scorer = case.kind.provides(case.make().options).scorer
    if scorer is None:
        return
    objective = _rebuilt(case, scorer)
    block, hidden = _each_token(), None
    asked = [FIRST, SECOND]
    if scorer.is_left_to_right:
        asked = list(range(1, L - 1))
    else:
        hidden = torch.tensor(asked).expand(V, -1)
    with torch.no_grad():
        view = objective.corrupt(block, Draws(0, 0, torch.arange(V), progress=1.0, hidden=hidden))
        try:
            nats, is_best = objective.score_tokens(view)
        except NotImplementedError as error:
            raise ContractError(
                f"it provides the scorer '{scorer.objective}', whose class has no score_tokens; "
                "write guess_tokens, or score_tokens and token_logits"
            ) from error
        _check_scores(nats, is_best, asked)
        if not scorer.is_left_to_right:
            try:
                logits = objective.token_logits(view)
            except NotImplementedError as error:
                raise ContractError(
                    f"its scorer '{scorer.objective}' fills gaps and its class has no "
                    "token_logits, which prompts ask for; write guess_tokens, or token_logits"
                ) from error
            _check_logits(logits, block, nats, asked)


def _rebuilt(case: Fixture, scorer: Scorer) -> Objective:
    """Return what a study would ask, from what a pretraining saves."""
    made = case.make()
    saved = made.state_to_save()
    fixture = Fixture(scorer.objective, scorer.options, case.folder)
    lost = [name for name in fixture.make().state_to_save() if scorer.prefix + name not in saved]
    hold(
        not lost,
        f"its scorer '{scorer.objective}' reads {', '.join(lost[:3])}, which state_to_save does "
        "not hold",
    )
    folder = case.folder / f"scorer-{case.name}"
    folder.mkdir(parents=True, exist_ok=True)
    save_checkpoint(made, folder, folder)
    spec = PretrainSpec(
        backbone=SPEC,
        objective=case.name,
        options=made.options.canonical(),
        blocks="none",
        recipe=PretrainRecipe(),
        seed=0,
    )
    write_json(spec.model_dump(mode="json"), folder / SPEC_FILE)
    rebuilt = rebuild_scorer(folder, "cpu")
    assert rebuilt is not None
    return rebuilt[0]


def _each_token() -> Block:
    """Return V rows that are one row but for `SECOND`, where each token stands in turn."""
    ids = rows(count=1).ids.repeat(V, 1)
    ids[:, SECOND] = torch.arange(V)
    return Block(ids)


def _check_scores(nats: Tensor, is_best: Tensor, asked: list[int]) -> None:
    count = V * len(asked)
    hold(
        nats.shape == is_best.shape == (count,),
        f"score_tokens returns {tuple(nats.shape)} and {tuple(is_best.shape)} for {V} rows of "
        f"{len(asked)} tokens that are asked for; return one number each, ({count},), row by row",
    )
    hold(
        bool(nats.isfinite().all()) and bool((nats <= CLOSE).all()),
        "score_tokens must return log-probabilities, which are finite and at most 0",
    )
    by_row, best = nats.view(V, -1), is_best.view(V, -1)
    at = asked.index(SECOND)
    before = by_row[:, :at]
    hold(
        bool(((before - before[0]).abs() < CLOSE).all()),
        "what score_tokens says of a token changes with another that is hidden, or comes later; "
        "return scores row by row, in the order of positions, from what is not hidden",
    )
    total = float(by_row[:, at].exp().sum())
    hold(
        abs(total - 1) < 1e-3,
        f"the probabilities of all tokens at one position sum to {total:.3f} by score_tokens, not "
        "to 1; return log-probabilities of a token that the objective does not see",
    )
    hold(
        int(best[:, at].sum()) == 1 and bool(best[by_row[:, at].argmax(), at]),
        "score_tokens must say of the likeliest token that it is the best, and of no other",
    )


def _check_logits(logits: Tensor, block: Block, nats: Tensor, asked: list[int]) -> None:
    hold(
        logits.shape == (V * len(asked), V),
        f"token_logits returns {tuple(logits.shape)} for {V * len(asked)} tokens that are asked "
        f"for and {V} token ids; return a row of logits for each",
    )
    at_tokens = logits.float().log_softmax(-1).gather(1, block.ids[:, asked].reshape(-1, 1))
    hold(
        bool(((at_tokens[:, 0] - nats).abs() < CLOSE).all()),
        "token_logits and score_tokens say different things of the same tokens",
    )

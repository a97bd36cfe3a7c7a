"""Pseudo-log-likelihoods and likelihoods against plain loops, one token at a time."""

import dataclasses

import pytest
import torch
from scored_cases import VOCABULARY, save_arm
from small_blocks import L
from torch.nn import functional as F

from mae_bench.data.word_units import words_of_tokens
from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, MASK_ID, SEP_ID, hide
from mae_bench.protocols.token_scorer import TokenScorer
from mae_bench.specs import ScoreRecipe

TEXTS = ["the rivers a cse b", "as", "a", "b c b", "the river ." * 3, "", "ASCE cc the"]
# pieces of the first text: the river ##s a c ##s ##e b
WORDS = [[0], [1, 2], [3], [4, 5, 6], [7]]


def ids_of(scorer, text):
    return scorer._tokenizer(text, add_special_tokens=False)["input_ids"]


def scorer_of(folder, objective="mlm", options=None, **recipe):
    checkpoint = save_arm(folder / "arm", objective, options)
    return TokenScorer(checkpoint, ScoreRecipe(max_length=L, **recipe), "cpu")


def by_mlm(objective, ids, hidden):
    """Return log-probabilities [L, V] where the hidden positions of a row are [MASK]."""
    row = torch.tensor([ids])
    row[0, hidden] = MASK_ID
    with torch.no_grad():
        states = objective.backbone(row, torch.arange(len(ids))[None], None)[0]
        return F.log_softmax(objective.head(states, objective.backbone.embedding.weight), dim=-1)


def by_mae(objective, ids, hidden):
    """Return log-probabilities [L, V] at the positions that the encoder does not get."""
    row = torch.tensor(ids)
    kept = [position for position in range(len(ids)) if position not in hidden]
    weight = objective.backbone.embedding.weight
    with torch.no_grad():
        encoded = objective.backbone(row[kept][None], torch.tensor([kept]), None)
        removed = torch.tensor([hidden]), None
        decoded = objective.decoder.decode_sets(
            encoded, torch.tensor([kept]), None, removed, weight[MASK_ID], None
        )[0]
        table = torch.full((len(ids), len(VOCABULARY)), torch.nan)
        table[hidden] = F.log_softmax(objective.head(decoded, weight), dim=-1)
    return table


LOOPS = {"mlm": by_mlm, "mae": by_mae}


@pytest.mark.parametrize("name", LOOPS)
def test_a_text_costs_what_its_tokens_cost_hidden_one_by_one(name, tmp_path):
    scorer = scorer_of(tmp_path, name, batch_tokens=30)
    expected = []
    for text in TEXTS:
        ids = [CLS_ID, *ids_of(scorer, text), SEP_ID]
        tables = [LOOPS[name](scorer.head.objective, ids, [p]) for p in range(1, len(ids) - 1)]
        expected.append(sum(float(table[p, ids[p]]) for p, table in enumerate(tables, 1)))
    scores = scorer.log_likelihoods(TEXTS)
    assert scores == pytest.approx(expected, abs=1e-3)
    assert scores[TEXTS.index("")] == 0 and len(set(scores.tolist())) == len(TEXTS)


@pytest.mark.parametrize("name", LOOPS)
def test_the_rest_of_a_word_to_the_right_is_hidden_too(name, tmp_path):
    scorer = scorer_of(tmp_path, name, within_word="mask_right")
    ids = [CLS_ID, *ids_of(scorer, TEXTS[0]), SEP_ID]
    expected = 0.0
    for word in WORDS:
        for number, token in enumerate(word):
            hidden = [1 + position for position in word[number:]]
            expected += float(
                LOOPS[name](scorer.head.objective, ids, hidden)[1 + token, ids[1 + token]]
            )
    assert scorer.log_likelihoods(TEXTS[:1])[0] == pytest.approx(expected, abs=1e-3)
    plain = TokenScorer(tmp_path / "arm", ScoreRecipe(max_length=L), "cpu")
    words = ["rivers", "cse", "bs", "ace"]  # sums over a long text may meet by chance
    apart = plain.log_likelihoods(words) - scorer.log_likelihoods(words)
    assert max(abs(apart)) > 1e-2


def test_from_left_to_right_a_text_costs_the_sum_of_its_log_softmax(tmp_path):
    scorer = scorer_of(tmp_path, "causal", batch_tokens=30)
    assert scorer.is_left_to_right
    objective, expected = scorer.head.objective, []
    for text in TEXTS:
        ids, total = [CLS_ID, *ids_of(scorer, text)], 0.0
        for end in range(1, len(ids)):
            row = torch.tensor([ids[:end]])  # what comes later is not even there
            with torch.no_grad():
                states = objective.backbone(row, torch.arange(end)[None], None, is_causal=True)
                logits = objective.head(states[0, -1], objective.backbone.embedding.weight)
            total += float(F.log_softmax(logits, dim=-1)[ids[end]])
        expected.append(total)
    assert scorer.log_likelihoods(TEXTS) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", LOOPS)
def test_words_are_recovered_all_at_once(name, tmp_path):
    scorer = scorer_of(tmp_path, name)
    ids = [CLS_ID, *ids_of(scorer, TEXTS[0]), SEP_ID]
    for ratio, count in ((0.15, 1), (0.5, 3), (0.99, 5)):
        seen = scorer.recover(TEXTS[:1], ratio)
        assert (seen.hidden, seen.read) == (count, 5)
    # of all words hidden, those right are the ones whose every token is the likeliest
    table = LOOPS[name](scorer.head.objective, ids, list(range(1, len(ids) - 1)))
    is_best = [int(table[1 + t].argmax()) == ids[1 + t] for t in range(len(ids) - 2)]
    assert seen.right == sum(all(is_best[t] for t in word) for word in WORDS)


def test_a_word_is_recovered_where_all_its_tokens_are(tmp_path, monkeypatch):
    scorer = scorer_of(tmp_path)
    named = torch.tensor([True, False, True, True, True, False, True, True])  # of `WORDS`
    monkeypatch.setattr(scorer.head.objective, "score_tokens", lambda view: (torch.zeros(8), named))
    seen = scorer.recover(TEXTS[:1], 0.99)
    assert (seen.hidden, seen.right) == (5, 3)


@pytest.mark.parametrize(
    ("objective", "options"),
    [
        ("mlm", {"mask_ratio": 0.4, "masking": {"scheme": "span", "mean_length": 2}}),
        ("mlm", {"loss_on": "all"}),
        ("mlm", {"predict_from": "before"}),
        ("mlm", {"corrupt_ratio": 0.4, "predict_ratio": 0.2}),
        ("mae", {"fill": "noise"}),
        ("mae", {"target_sets": 2, "output_embedding": "own"}),
        ("mae_bottleneck", {}),
        ("mixture", {"parts": {"contrastive": 0.1, "mae": 1.0}}),
        ("mixture", {"parts": {"causal": 1.0, "mlm": 1.0}}),
    ],
)
def test_whatever_it_was_trained_with_a_token_is_hidden_when_it_is_asked_for(
    objective, options, tmp_path, monkeypatch
):
    scorer = scorer_of(tmp_path, objective, options)
    asked = []
    corrupt = scorer.head.objective.corrupt

    def watched(block, draws):
        view = corrupt(block, draws)
        asked.append((block.ids, draws.hidden, view))
        return view

    monkeypatch.setattr(scorer.head.objective, "corrupt", watched)
    assert scorer.log_likelihoods(["the b c"])[0] < 0
    [(ids, hidden, view)] = asked
    assert hidden.tolist() == [[1], [2], [3]]
    assert torch.equal(view.target_positions, hidden)
    assert torch.equal(view.target_ids, ids.gather(1, hidden))
    assert view.is_target is None or bool(view.is_target.all())
    for row in range(3):
        where = (view.positions[row] == hidden[row]).nonzero().flatten()
        shown = view.input_ids[row, where].tolist()
        assert shown in ([], [MASK_ID]), "the token is gone, or [MASK] stands there"
        assert scorer.head.objective.training is False


def test_named_positions_are_hidden_and_no_others():
    ids = torch.arange(5, 17).reshape(2, 6)
    named = torch.tensor([[1, 4], [2, 3]])
    draws = dataclasses.replace(Draws(0, 0, torch.arange(2)), hidden=named)
    hidden = hide(Block(ids), draws, 0.5)
    assert hidden.positions.tolist() == named.tolist()
    assert hidden.kept.tolist() == [[0, 2, 3, 5], [0, 1, 4, 5]]
    every = hide(Block(ids), dataclasses.replace(draws, hidden=torch.tensor([[1, 2, 3, 4]] * 2)), 1)
    assert every.kept.tolist() == [[0, 5]] * 2, "also where a ratio must leave one"


@pytest.mark.parametrize("objective", ["simcse", "random_init"])
def test_what_names_no_tokens_is_refused(objective, tmp_path):
    with pytest.raises(SpecError, match="no head that names tokens; take an arm that predicts"):
        scorer_of(tmp_path, objective)


def test_the_same_tokens_get_the_same_number_to_the_bit(tmp_path):
    scorer = scorer_of(tmp_path, "mlm", batch_tokens=12)
    first, *_, again = scorer.log_likelihoods(["the river xyz", "b", "a b c", "The river uvw"])
    assert first == again
    assert scorer.unknown == 1, "of one text that is read"
    spent = scorer.head.flops
    assert spent > 0
    scorer.log_likelihoods(["the river zzz"])
    assert scorer.head.flops == spent


def test_a_long_text_is_read_in_stretches(tmp_path):
    scorer = scorer_of(tmp_path, "mlm")
    room = L - 2
    whole = "a b c the " * room
    parts = whole.split()
    halves = [" ".join(parts[start : start + room]) for start in range(0, len(parts), room)]
    assert len(halves) == 4
    assert scorer.log_likelihoods([whole])[0] == pytest.approx(sum(scorer.log_likelihoods(halves)))


def test_words_that_one_token_joins_are_one_unit():
    # tokens: 中文 | 字 x | y.
    text = "中文字 xy."
    units = words_of_tokens(text, [(0, 2), (2, 3), (4, 5), (5, 7)])
    assert [list(unit) for unit in units] == [[0, 1], [2], [3], [3]]
    # a token that ends one word and begins the next
    joined = words_of_tokens("ab cd", [(0, 1), (1, 4), (4, 5)])
    assert [list(unit) for unit in joined] == [[0, 1]] * 3

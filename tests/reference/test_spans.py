"""Dropped spans against plain Python: nothing is lost, nothing leaks, every cut is as likely."""

import itertools
import math
from collections import Counter

import pytest
import torch
from torch.nn import functional as F

from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import CLS_ID, MASK_ID, NUM_SPECIAL, PAD_ID, SEP_ID
from mae_bench.masking.spans import drop_spans, num_spans
from mae_bench.model.backbone import build_backbone
from mae_bench.objectives.base import OBJECTIVES, parse_options
from mae_bench.specs import BackboneSpec

V = 300
SETTINGS = [(0.15, 3.0), (0.5, 3.0), (0.3, 1.0), (0.15, 10.0), (0.8, 5.0), (0.9, 3.0), (0.9, 1.0)]
LENGTHS = (40, 39, 31, 22, 13, 8, 5, 4, 3)


def block(lengths, row_length, is_padded=True):
    ids = torch.randint(
        NUM_SPECIAL, V, (len(lengths), row_length), generator=torch.Generator().manual_seed(0)
    )
    for row, length in zip(ids, lengths, strict=True):
        row[0], row[length - 1], row[length:] = CLS_ID, SEP_ID, PAD_ID
    return Block(ids, ids == PAD_ID if is_padded else None)


def draws(rows, epoch=0):
    return Draws(0, epoch, torch.arange(rows))


def restored(shown, is_pad, answers, is_answer):
    """Return the row that an input and its answers were made of, and the spans."""
    text = [t for t, pad in zip(shown, is_pad, strict=True) if not pad]
    real_answers = [t for t, real in zip(answers, is_answer, strict=True) if real]
    spans = []
    if real_answers:
        assert real_answers[-1] == SEP_ID
        spans = [[]]
        for token in real_answers[:-1]:
            if token == MASK_ID:
                spans.append([])
            else:
                spans[-1].append(token)
    assert text.count(MASK_ID) == len(spans)
    row, number = [], 0
    for token in text:
        if token == MASK_ID:
            row += spans[number]
            number += 1
        else:
            row.append(token)
    return row, spans


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize(("ratio", "mean_length"), SETTINGS)
def test_input_and_answers_give_the_row(ratio, mean_length, is_padded):
    rows = block(LENGTHS if is_padded else (40,) * 4, 40, is_padded)
    for epoch in range(5):
        span_rows = drop_spans(rows, draws(len(rows.ids), epoch), ratio, mean_length)
        dropped, spans = num_spans(40, ratio, mean_length)
        assert span_rows.shown.shape[1] == 40 - dropped + spans
        assert span_rows.decoder_input.shape[1] == span_rows.answers.shape[1] == dropped + spans
        for row, ids in enumerate(rows.ids.tolist()):
            text = [token for token in ids if token != PAD_ID]
            is_pad = [False] * span_rows.shown.shape[1]
            is_answer = [True] * span_rows.answers.shape[1]
            if is_padded:
                is_pad, is_answer = (
                    span_rows.is_pad[row].tolist(),
                    span_rows.is_answer[row].tolist(),
                )
            answers = span_rows.answers[row].tolist()
            back, cut = restored(span_rows.shown[row].tolist(), is_pad, answers, is_answer)
            assert back == text
            wanted = math.floor(ratio * (len(text) - 2) + 0.5)
            assert sum(map(len, cut)) == wanted and all(cut)
            most = min(wanted, len(text) - 2 - wanted + 1)
            assert len(cut) == min(most, max(1, math.floor(wanted / mean_length + 0.5)))
            # the decoder reads the first mark, then every answer but the last
            real = [a for a, keep in zip(answers, is_answer, strict=True) if keep]
            if real:
                decoder_input = span_rows.decoder_input[row].tolist()
                assert decoder_input[: len(real)] == [MASK_ID, *real[:-1]]


def test_every_set_of_spans_is_as_likely():
    """Seven tokens, three dropped in two spans: cuts x gaps, counted out."""
    ratio, mean_length, length = 3 / 7, 1.5, 9
    assert num_spans(length, ratio, mean_length) == (3, 2)
    possible = set()
    for sizes in ((1, 2), (2, 1)):
        for gaps in itertools.combinations(range(5), 2):
            mask, kept = [], 0
            for size, gap in zip(sizes, gaps, strict=True):
                mask += [False] * (gap - kept) + [True] * size
                kept = gap
            possible.add(tuple(mask + [False] * (7 - len(mask))))
    rows, trials = block((length,) * 500, length, is_padded=False), 40
    rows = Block(
        torch.cat([rows.ids[:, :1], torch.arange(7).expand(500, -1) + 10, rows.ids[:, -1:]], 1)
    )
    seen = Counter()
    for epoch in range(trials):
        span_rows = drop_spans(rows, draws(500, epoch), ratio, mean_length)
        for shown in span_rows.shown.tolist():
            seen[tuple(token + 10 not in shown for token in range(7))] += 1
    assert set(seen) == possible and len(possible) == 20
    expected = 500 * trials / 20
    assert max(abs(count - expected) for count in seen.values()) < 5 * math.sqrt(expected)


def test_dropped_tokens_do_not_reach_the_encoder():
    rows = block(LENGTHS, 40)
    span_rows = drop_spans(rows, draws(len(LENGTHS)), 0.3, 3.0)
    shown = [set(row) for row in span_rows.shown.tolist()]
    other = rows.ids.clone()
    for row, ids in enumerate(rows.ids.tolist()):
        for position, token in enumerate(ids):
            if token not in shown[row]:
                other[row, position] = (token + 1 - NUM_SPECIAL) % (V - NUM_SPECIAL) + NUM_SPECIAL
    assert not torch.equal(other, rows.ids)
    again = drop_spans(Block(other, rows.is_pad), draws(len(LENGTHS)), 0.3, 3.0)
    assert torch.equal(span_rows.shown, again.shown) and torch.equal(span_rows.is_pad, again.is_pad)
    assert not torch.equal(span_rows.answers, again.answers)


def objective_of(arch="modernbert", **options):
    spec = BackboneSpec(arch=arch, num_layers=1, hidden_size=32, num_heads=2, max_length=40)
    return OBJECTIVES.get("span_denoise")(
        build_backbone(spec, V, 0), spec, parse_options("span_denoise", options), seed=0
    ).eval()


def features(objective, view, decoder_input):
    hidden = objective.backbone(view.input_ids, view.positions, view.is_pad)
    is_mark = view.input_ids == MASK_ID
    return objective.decoder(
        objective.backbone.embedding(decoder_input),
        (decoder_input == MASK_ID).long().cumsum(1),
        hidden,
        is_mark.long().cumsum(1) * is_mark,
        view.is_pad,
    )


@torch.no_grad()
def test_the_decoder_is_causal_and_the_loss_a_plain_mean():
    objective = objective_of(mask_ratio=0.4, decoder_layers=2)
    rows = block(LENGTHS, 40)
    view = objective.corrupt(rows, draws(len(LENGTHS)))
    part = view.parts["decoder"]
    before = features(objective, view, part.input_ids)
    for position in range(1, part.input_ids.shape[1]):
        decoder_input = part.input_ids.clone()
        decoder_input[:, position:] = torch.where(
            decoder_input[:, position:] == MASK_ID, 9, MASK_ID
        )
        after = features(objective, view, decoder_input)
        torch.testing.assert_close(after[:, :position], before[:, :position], atol=1e-6, rtol=1e-5)
        assert not torch.allclose(after[:, position:], before[:, position:], atol=1e-3)
    logits = objective.head(before.flatten(0, 1), objective.backbone.embedding.weight)
    losses = F.cross_entropy(logits, part.target_ids.flatten(), reduction="none").tolist()
    real = part.is_target.flatten().tolist()
    losses = [loss for loss, keep in zip(losses, real, strict=True) if keep]
    output = objective(view)
    assert output.predicted == len(losses)
    assert float(output.loss) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@torch.no_grad()
def test_a_short_row_is_answered_as_it_would_be_alone():
    """Padding of the encoder is not read by the decoder."""
    objective = objective_of(mask_ratio=0.4)
    rows = block(LENGTHS, 40)
    view = objective.corrupt(rows, draws(len(LENGTHS)))
    decoder_input = view.parts["decoder"].input_ids
    together = features(objective, view, decoder_input)
    for row in range(len(LENGTHS)):
        real = int((~view.is_pad[row]).sum())
        ids = view.input_ids[row : row + 1, :real]
        is_mark = ids == MASK_ID
        alone = objective.decoder(
            objective.backbone.embedding(decoder_input[row : row + 1]),
            (decoder_input[row : row + 1] == MASK_ID).long().cumsum(1),
            objective.backbone(ids),
            is_mark.long().cumsum(1) * is_mark,
            None,
        )
        torch.testing.assert_close(together[row], alone[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("mean_length", [1.0, 3.0, 10.0])
@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("row_length", [24, 64, 128])
def test_the_number_of_spans_is_that_of_plain_python(row_length, ratio, mean_length):
    text = row_length - 2
    wanted = math.floor(ratio * text + 0.5)
    spans = max(1, math.floor(wanted / mean_length + 0.5))
    while spans > 1 and spans - 1 > text - wanted:  # not enough kept tokens to part them
        spans -= 1
    assert num_spans(row_length, ratio, mean_length) == (wanted, spans)
    OBJECTIVES.get("span_denoise").check(
        parse_options("span_denoise", {"mask_ratio": ratio, "mean_length": mean_length}),
        BackboneSpec(),
        row_length,
    )


def test_a_row_without_kept_tokens_is_refused():
    with pytest.raises(SpecError, match="leave at least 1"):
        num_spans(6, 0.9, 3.0)

"""Every masking scheme against slow plain Python, row by row, and against its stated marginals."""

import itertools
import math

import pytest
import torch
from test_masking import V, rows_of

from mae_bench.draws import Block, Draws
from mae_bench.errors import SpecError
from mae_bench.masking import (
    CLS_ID,
    MASKINGS,
    NUM_SPECIAL,
    PAD_ID,
    SEP_ID,
    Lexicon,
    Masking,
    as_hidden,
    check_masking,
    hide,
    num_hidden,
)
from mae_bench.masking.ngrams import hash_windows

RATIOS = [0.05, 0.15, 0.4, 0.5, 0.75, 0.9]
LENGTHS = {False: [32] * 8, True: [32, 31, 20, 9, 6, 5, 32, 17]}
SIGMAS = 4.5  # a sound scheme fails one of these tests once in 150,000 runs of another seed


def is_collocation(tokens):
    """The n-grams of the tests: about every fourth pair, and a few longer ones."""
    size, total = len(tokens), sum(tokens)
    return total % {2: 4, 3: 9, 4: 12, 5: 14}[size] == 0 and min(tokens) >= NUM_SPECIAL


def windows_of(ids):
    for row in ids.tolist():
        for size in range(2, 6):
            for start in range(len(row) - size + 1):
                yield tuple(row[start : start + size])


def lexicon_for(ids):
    """A lexicon whose n-grams are the collocations that occur in the rows."""
    every = torch.arange(V)
    collocations = sorted({window for window in windows_of(ids) if is_collocation(window)})
    hashes = [int(hash_windows(torch.tensor([window]), len(window))) for window in collocations]
    return Lexicon(
        counts=5000 // (1 + (every * 37) % V),
        is_word_start=every % 3 != 2,
        first_char=torch.zeros(V, dtype=torch.int64),
        ngrams=torch.tensor(sorted(hashes), dtype=torch.int64),
    )


# Plain references: each returns the hidden positions of one row as a set.
# text: maskable positions in order; ids: of the row; count: to hide; draw: name -> list of draws.


def in_order(units, count):
    """The first tokens of units in their order."""
    return set([position for unit in units for position in unit][:count])


def plain_random(text, ids, count, draw, lexicon, masking):
    return set(sorted(text, key=lambda p: (draw("which")[p], p))[:count])


def plain_frequency(text, ids, count, draw, lexicon, masking):
    def key(p):
        weight = (int(lexicon.counts[ids[p]]) + 1) ** -masking.rarity
        return -math.log(1 - draw("which")[p]) / weight, p

    return set(sorted(text, key=key)[:count])


def plain_non_adjacent(text, ids, count, draw, lexicon, masking):
    slots = text[: len(text) - count + 1]
    drawn = sorted(sorted(slots, key=lambda p: (draw("which")[p], p))[:count])
    return {text[text.index(slot) + moved] for moved, slot in enumerate(drawn)}


def plain_span(text, ids, count, draw, lexicon, masking):
    turn = int(draw("turn")[0] * len(text))
    spans = []
    for position in text[turn:] + text[:turn]:
        if not spans or draw("cut")[position] < 1 / masking.mean_length:
            spans.append([])
        spans[-1].append(position)
    return in_order(sorted(spans, key=lambda span: draw("which")[span[0]]), count)


def pieces(units, count):
    """Units of more tokens than are hidden, cut so that each of their tokens can be."""
    size = max(count, 1)
    return [unit[at : at + size] for unit in units for at in range(0, len(unit), size)]


def plain_whole_word(text, ids, count, draw, lexicon, masking):
    words = []
    for position in text:
        if not words or lexicon.is_word_start[ids[position]]:
            words.append([])
        words[-1].append(position)
    words = pieces(words, count)
    return in_order(sorted(words, key=lambda word: draw("which")[word[0]]), count)


def pmi_units(text, ids, lexicon):
    units, at, is_open = [], 0, False  # is_open: a word whose further tokens may join it
    while at < len(text):
        sizes = [
            size
            for size in (5, 4, 3, 2)
            if at + size <= len(text) and is_collocation([ids[p] for p in text[at : at + size]])
        ]
        if sizes:
            units.append(text[at : at + sizes[0]])
            at, is_open = at + sizes[0], False
            continue
        if not is_open or lexicon.is_word_start[ids[text[at]]]:
            units.append([])
        units[-1].append(text[at])
        at, is_open = at + 1, True
    return units


def plain_pmi(text, ids, count, draw, lexicon, masking):
    units = pieces(pmi_units(text, ids, lexicon), count)
    return in_order(sorted(units, key=lambda unit: draw("which")[unit[0]]), count)


PLAIN = {
    "random": plain_random,
    "frequency": plain_frequency,
    "non_adjacent": plain_non_adjacent,
    "span": plain_span,
    "whole_word": plain_whole_word,
    "pmi": plain_pmi,
}
SETTINGS = [
    {"scheme": "random"},
    {"scheme": "frequency"},
    {"scheme": "frequency", "rarity": 1.5},
    {"scheme": "non_adjacent"},
    {"scheme": "span"},
    {"scheme": "span", "mean_length": 1.0},
    {"scheme": "span", "mean_length": 9.5},
    {"scheme": "whole_word"},
    {"scheme": "pmi"},
]


def targets_of(hidden, row):
    positions = hidden.positions[row].tolist()
    if hidden.is_target is None:
        return set(positions)
    return {p for p, yes in zip(positions, hidden.is_target[row].tolist(), strict=True) if yes}


def block_of(lengths, is_padded, row_length=32, seed=0):
    ids = rows_of(lengths, row_length, seed)
    return Block(ids, ids == PAD_ID if is_padded else None)


def test_every_scheme_has_a_plain_reference():
    assert set(PLAIN) == set(MASKINGS.names())
    for name, scheme in MASKINGS:
        assert scheme.name == name and scheme.summary and scheme.source and scheme.scores.__doc__
        assert "Marginals" in scheme.scores.__doc__ or name == "random"


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("fields", SETTINGS, ids=lambda f: "-".join(map(str, f.values())))
def test_schemes_match_plain_python(fields, is_padded, ratio):
    masking = Masking(**fields)
    if ratio > MASKINGS.get(masking.scheme).max_ratio:
        with pytest.raises(SpecError, match=rf"'{masking.scheme}' can hide at most 0.5 of a text"):
            check_masking(ratio, masking, 32)
        return
    check_masking(ratio, masking, 32)
    block = block_of(LENGTHS[is_padded], is_padded)
    lexicon = lexicon_for(block.ids)
    for epoch in range(3):
        draws = Draws(1, epoch, torch.arange(len(block.ids)) + 40)
        drawn = {name: draws.uniform(name, 32).tolist() for name in ("which", "turn", "cut")}
        hidden = hide(block, draws, ratio, masking, lexicon)
        assert hidden.positions.shape == (len(block.ids), num_hidden(32, ratio))
        for row, ids in enumerate(block.ids.tolist()):
            text = [p for p, i in enumerate(ids) if i not in (PAD_ID, CLS_ID, SEP_ID)]
            count = math.floor(len(text) * ratio + 0.5)
            hidden_positions = targets_of(hidden, row)
            mine = {name: rows[row] for name, rows in drawn.items()}
            wanted = PLAIN[masking.scheme](text, ids, count, mine.get, lexicon, masking)
            assert len(hidden_positions) == count
            assert hidden_positions == wanted, (row, epoch)
            both = hidden.positions[row].tolist() + hidden.kept[row].tolist()
            assert sorted(both) == list(range(32))


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_no_scheme_depends_on_batching(name):
    block = block_of(LENGTHS[True], True)
    lexicon, row_ids = lexicon_for(block.ids), torch.arange(100, 108)
    whole = hide(block, Draws(5, 3, row_ids), 0.4, Masking(scheme=name), lexicon)
    for rows in ([0], [7], [3, 1], [6, 5, 4, 2]):
        part = Block(block.ids[rows], block.is_pad[rows])
        alone = hide(part, Draws(5, 3, row_ids[rows]), 0.4, Masking(scheme=name), lexicon)
        for index, row in enumerate(rows):
            assert targets_of(alone, index) == targets_of(whole, row)
            assert torch.equal(alone.kept[index], whole.kept[row])


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_padding_moves_no_mask(name):
    """A row hides the same tokens whether or not another row of its batch is padded."""
    block = block_of([32] * 4, False)
    lexicon, draws = lexicon_for(block.ids), Draws(2, 0, torch.arange(4))
    plain = hide(block, draws, 0.3, Masking(scheme=name), lexicon)
    padded = Block(block.ids, torch.zeros_like(block.ids, dtype=torch.bool))
    again = hide(padded, draws, 0.3, Masking(scheme=name), lexicon)
    assert torch.equal(plain.positions, again.positions) and again.is_target.all()


def shares_hidden(ids, ratio, masking, lexicon=None):
    """Return how often each position of equal rows is hidden."""
    draws = Draws(0, 0, torch.arange(len(ids)))
    is_pad = ids == PAD_ID
    block = Block(ids, is_pad if is_pad.any() else None)
    hidden = hide(block, draws, ratio, masking, lexicon)
    positions = hidden.positions
    positions = positions.flatten() if hidden.is_target is None else positions[hidden.is_target]
    return torch.bincount(positions, minlength=ids.shape[1]).double() / len(ids)


def assert_near(shares, wanted, n):
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    spread = (wanted * (1 - wanted) / n).sqrt()
    assert ((shares - wanted).abs() <= SIGMAS * spread + 1e-12).all(), (shares, wanted)


def repeated(text, n):
    return torch.tensor([[CLS_ID, *text, SEP_ID]]).repeat(n, 1)


@pytest.mark.parametrize("mean_length", [1.0, 3.0, 10.0])
def test_spans_hide_every_position_alike(mean_length):
    n = 12_000
    shares = shares_hidden(
        repeated(range(10, 42), n), 0.25, Masking(scheme="span", mean_length=mean_length)
    )
    assert_near(shares[1:-1], [0.25] * 32, n)


@pytest.mark.parametrize("mean_length", [2.0, 5.0])
def test_runs_of_hidden_tokens_are_as_long_as_stated(mean_length):
    ids = rows_of([1026] * 60, 1026)
    masking = Masking(scheme="span", mean_length=mean_length)
    hidden = hide(Block(ids), Draws(0, 0, torch.arange(60)), 0.4, masking)
    is_hidden = torch.zeros(60, 1026).scatter(1, hidden.positions, 1.0)
    runs = (is_hidden[:, 1:] > is_hidden[:, :-1]).sum()
    assert is_hidden.sum() / runs == pytest.approx(mean_length / 0.6, rel=0.05)


def test_subsets_without_neighbours_are_all_alike():
    n, count, total = 12_000, 3, 8
    subsets = [
        subset
        for subset in itertools.combinations(range(total), count)
        if all(b - a > 1 for a, b in itertools.pairwise(subset))
    ]
    assert len(subsets) == math.comb(total - count + 1, count)
    hidden = hide(
        Block(repeated(range(10, 18), n)), Draws(0, 0, torch.arange(n)), 0.375,
        Masking(scheme="non_adjacent"),
    )  # fmt: skip
    times_drawn = {subset: 0 for subset in subsets}
    for row in (hidden.positions - 1).tolist():
        times_drawn[tuple(row)] += 1
    expected = n / len(subsets)
    chi2 = sum((seen - expected) ** 2 / expected for seen in times_drawn.values())
    assert chi2 < 43.8  # the 99.9% point of chi-square with 19 degrees of freedom
    share = sum(seen for subset, seen in times_drawn.items() if subset[0] == 0) / n
    assert_near(torch.tensor([share]), [count / (total - count + 1)], n)


def test_rare_tokens_are_hidden_as_often_as_successive_draws_say():
    n, count = 20_000, 2
    text, rarity = [10, 11, 12, 13], 0.5
    lexicon = lexicon_for(torch.tensor([text]))
    lexicon.counts[10:14] = torch.tensor([0, 3, 99, 9999])
    weights = [(c + 1) ** -rarity for c in (0, 3, 99, 9999)]
    wanted = [0.0] * 4
    for first, second in itertools.permutations(range(4), count):
        chance = weights[first] / sum(weights)
        chance *= weights[second] / (sum(weights) - weights[first])
        wanted[first] += chance
        wanted[second] += chance
    assert wanted[0] > 0.85 and wanted[3] < 0.05
    shares = shares_hidden(
        repeated(text, n), 0.5, Masking(scheme="frequency", rarity=rarity), lexicon
    )
    assert_near(shares[1:-1], wanted, n)


def test_without_rarity_the_random_tokens_are_hidden():
    block = block_of(LENGTHS[True], True)
    draws = Draws(0, 0, torch.arange(8))
    plain = hide(block, draws, 0.4)
    even = hide(block, draws, 0.4, Masking(scheme="frequency", rarity=0), lexicon_for(block.ids))
    assert torch.equal(plain.positions, even.positions)


def unit_marginals(units, count):
    """The formula of `whole_word`: chances by position, from the subsets that may come before."""
    chances = {}
    for unit in units:
        others = [len(other) for other in units if other is not unit]
        for j, position in enumerate(unit):
            shares = []
            for k in range(len(units)):
                before = [sum(sizes) for sizes in itertools.combinations(others, k)]
                shares.append(sum(total < count - j for total in before) / len(before))
            chances[position] = sum(shares) / len(units)
    return [chances[position] for position in sorted(chances)]


def enumerated_marginals(units, count):
    """The definition: all orders of the units are as likely."""
    times_hidden = [0] * sum(map(len, units))
    for order in itertools.permutations(units):
        for position in in_order(order, count):
            times_hidden[position] += 1
    return [times / math.factorial(len(units)) for times in times_hidden]


WORDS = [12, 13, 14, 15, 17, 20, 21]  # ids that leave 2 modulo 3 continue a word
# a collocation, a word, a collocation, what it left of its word, a word of two tokens, a word
PHRASES = [32, 24, 21, 26, 15, 31, 20, 47, 51, 47, 15]
UNITS = {
    "whole_word": (WORDS, [[0], [1, 2], [3, 4, 5], [6]]),
    "pmi": (PHRASES, [[0, 1], [2], [3, 4, 5], [6, 7], [8, 9], [10]]),
}


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("name", UNITS)
def test_units_are_hidden_as_often_as_stated_at_every_position(name, padding):
    n, (text, whole) = 20_000, UNITS[name]
    lexicon, positions = lexicon_for(torch.tensor([text])), list(range(len(text)))
    assert name != "pmi" or pmi_units(positions, text, lexicon) == whole
    rows = torch.cat([repeated(text, n), torch.full((n, padding), PAD_ID)], 1)
    for count in (1, 2, 3, len(text) - 2):
        units = pieces(whole, count)
        wanted = unit_marginals(units, count)
        if len(units) < 8:
            assert wanted == pytest.approx(enumerated_marginals(units, count), abs=1e-12)
        assert sum(wanted) == pytest.approx(count)
        shares = shares_hidden(rows, count / len(text), Masking(scheme=name), lexicon)
        assert_near(shares[1 : 1 + len(text)], wanted, n)
        assert shares.sum() == pytest.approx(count)
        if count == 3:  # a later token of a unit is hidden less often
            unit = max(units, key=len)
            assert [wanted[p] for p in unit] == sorted({wanted[p] for p in unit}, reverse=True)


def choose(n, k):
    return 1 if k == 0 else math.comb(n, k) if n >= k else 0


def slot_marginal(position, total, count):
    """The formula of `non_adjacent` for the token at a position counted from 1."""
    ways = sum(
        choose(position - 1 - a, a) * choose(total - count - position + 1 + a, count - 1 - a)
        for a in range(count)
    )
    return ways / math.comb(total - count + 1, count)


@pytest.mark.parametrize("padding", [0, 4])
def test_tokens_without_neighbours_are_hidden_as_often_as_stated_at_every_position(padding):
    for total in range(1, 11):
        for count in range(1, (total + 1) // 2 + 1):
            subsets = [
                subset
                for subset in itertools.combinations(range(1, total + 1), count)
                if all(b - a > 1 for a, b in itertools.pairwise(subset))
            ]
            wanted = [
                sum(position in subset for subset in subsets) / len(subsets)
                for position in range(1, total + 1)
            ]
            stated = [slot_marginal(position, total, count) for position in range(1, total + 1)]
            assert stated == pytest.approx(wanted, abs=1e-12), (total, count)
            assert stated[0] == pytest.approx(count / (total - count + 1))
            assert sum(stated) == pytest.approx(count)
    n = 20_000
    for total, count in ((9, 2), (9, 4), (10, 5), (11, 3)):
        text = torch.cat([repeated(range(10, 10 + total), n), torch.full((n, padding), PAD_ID)], 1)
        shares = shares_hidden(text, count / total, Masking(scheme="non_adjacent"))
        stated = [slot_marginal(position, total, count) for position in range(1, total + 1)]
        assert_near(shares[1 : 1 + total], stated, n)


def test_without_collocations_pmi_is_whole_words():
    block = block_of(LENGTHS[True], True)
    lexicon, draws = lexicon_for(block.ids), Draws(0, 0, torch.arange(8))
    lexicon.ngrams = lexicon.ngrams[:0]
    words, units = (
        hide(block, draws, 0.4, Masking(scheme=name), lexicon) for name in ("whole_word", "pmi")
    )
    assert torch.equal(words.positions, units.positions)


def test_lists_of_a_mask_are_filled_by_padding():
    is_masked = torch.tensor([[False, True, False, False], [False, True, True, False]])
    is_pad = torch.tensor([[False, False, False, True], [False, False, False, False]])
    hidden = as_hidden(is_masked, is_pad, 2)
    assert hidden.positions.tolist() == [[1, 3], [1, 2]]
    assert hidden.is_target.tolist() == [[True, False], [True, True]]

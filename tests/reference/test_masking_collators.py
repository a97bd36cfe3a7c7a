"""Masks of transformers' collator as a second witness: its words, its shares, its marginals."""

import math

import pytest
import torch
from transformers import DataCollatorForLanguageModeling

from mae_bench.data.tokenizer import load_tokenizer, train_tokenizer
from mae_bench.draws import Block, Draws
from mae_bench.masking import (
    MASK_ID,
    NUM_SPECIAL,
    PAD_ID,
    Masking,
    build_lexicon,
    hide,
    replace,
)
from mae_bench.progress import silent
from mae_bench.specs import CorpusSpec, TokenizerSpec

WORDS = "unbelievable stonemasons riverbed housekeeping birdsong treetops an ox at sea".split()
N = 4000
SIGMAS = 4.5


@pytest.fixture(scope="module")
def texts():
    generator = torch.Generator().manual_seed(0)
    return [
        " ".join(WORDS[i] for i in torch.randint(len(WORDS), (9,), generator=generator))
        for _ in range(60)
    ]


@pytest.fixture(scope="module")
def folder(texts, tmp_path_factory):
    """A WordPiece tokenizer that cuts most of the words."""
    folder = tmp_path_factory.mktemp("tokenizer")
    stems = "unbe stone river house bird tree lievable masons bed keeping song tops an ox at sea"
    (folder / "text.txt").write_text("\n\n".join(f"{stems} {i} {i * 7}" for i in range(300)))
    spec = CorpusSpec(
        sources=(str(folder / "text.txt"),),
        tokenizer=TokenizerSpec(kind="wordpiece", vocab_size=300),
    )
    train_tokenizer(spec, folder, None, silent)
    return folder


def features(folder, texts):
    """Tokenise as the collator wants it, with offsets and special tokens."""
    tokenizer = load_tokenizer(folder)
    return tokenizer, [
        tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        for text in texts
    ]


def test_whole_words_are_the_collators(folder, texts):
    tokenizer, encoded = features(folder, texts)
    longest = max(len(item["input_ids"]) for item in encoded)
    filling = {"input_ids": PAD_ID, "offset_mapping": (0, 0), "special_tokens_mask": 1}
    padded = [
        {
            name: item[name] + [value] * (longest - len(item[name]))
            for name, value in filling.items()
        }
        for item in encoded
    ]
    ids = torch.tensor([item["input_ids"] for item in padded])
    lexicon = build_lexicon(ids.numpy(), len(tokenizer), folder)
    collator = DataCollatorForLanguageModeling(
        tokenizer, mlm_probability=0.3, whole_word_mask=True, mask_replace_prob=1.0,
        random_replace_prob=0.0, seed=0,
    )  # fmt: skip
    block = Block(ids, ids == PAD_ID)
    num_cut, num_whole = 0, 0
    for epoch in range(20):
        theirs = collator([dict(item) for item in padded])["labels"] != -100
        hidden = hide(
            block, Draws(0, epoch, torch.arange(60)), 0.3, Masking(scheme="whole_word"), lexicon
        )
        for row in range(len(ids)):
            words = words_of(lexicon.is_word_start[ids[row]].tolist(), ids[row].tolist())
            assert len(words) == 9  # both see the words of the text, and no others
            for word in words:
                assert len({bool(theirs[row, position]) for position in word}) == 1
            ours = set(hidden.positions[row][hidden.is_target[row]].tolist())
            shares = [len(ours & set(word)) / len(word) for word in words]
            cut = [share for share in shares if 0 < share < 1]
            num_cut, num_whole = num_cut + len(cut), num_whole + shares.count(1.0)
            assert len(cut) <= 1
    assert 0 < num_cut < num_whole


def words_of(is_start, ids):
    words = []
    for position, (starts, token) in enumerate(zip(is_start, ids, strict=True)):
        if token < NUM_SPECIAL:
            continue
        if starts:
            words.append([])
        words[-1].append(position)
    return words


def test_random_masks_have_the_marginals_of_the_collators(folder, texts):
    """Hidden alike at every position, and 80/10/10 of them replaced as there."""
    tokenizer, encoded = features(folder, texts[:1])
    row = encoded[0]["input_ids"]
    ids = torch.tensor([row]).repeat(N, 1)
    collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.25, seed=0)
    batch = collator([{"input_ids": row} for _ in range(N)])
    theirs, their_new = batch["labels"] != -100, batch["input_ids"]
    draws = Draws(0, 0, torch.arange(N))
    hidden = hide(Block(ids), draws, 0.25)
    new = replace(
        ids, hidden, draws.uniform("how", len(row)), draws.uniform("what", len(row)),
        shares=(0.8, 0.1, 0.1), vocab_size=len(tokenizer),
    )  # fmt: skip
    ours = torch.zeros_like(theirs).scatter(1, hidden.positions, True)
    assert not theirs[:, [0, -1]].any() and not ours[:, [0, -1]].any()
    share = hidden.positions.shape[1] / (len(row) - 2)  # exact here, 0.25 on average there
    for is_masked, wanted in ((ours, share), (theirs, 0.25)):
        spread = math.sqrt(wanted * (1 - wanted) / N)
        assert (is_masked[:, 1:-1].double().mean(0) - wanted).abs().max() < SIGMAS * spread
    assert ours.sum(1).min() == ours.sum(1).max() and theirs.sum(1).min() < theirs.sum(1).max()
    for kind in (lambda old, put: put == MASK_ID, lambda old, put: put == old):
        first, second = kind(ids[ours], new[ours]).double(), kind(ids[theirs], their_new[theirs])
        second = second.double()
        spread = math.sqrt(first.var() / len(first) + second.var() / len(second))
        assert abs(first.mean() - second.mean()) < SIGMAS * spread
    assert (new[ours] >= NUM_SPECIAL).logical_or(new[ours] == MASK_ID).all()
    is_special = (their_new[theirs] < NUM_SPECIAL) & (their_new[theirs] != MASK_ID)
    assert is_special.any()  # the collator draws special tokens too; here they never are
    assert torch.equal(new[~ours], ids[~ours]) and torch.equal(their_new[~theirs], ids[~theirs])

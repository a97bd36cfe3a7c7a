"""What a tokenizer puts around texts, told in one way for every reader of texts."""

import pytest
from family_encoders import FAMILIES, save_tokenizer

from mae_bench.training.batching import load_tokenizer
from mae_bench.training.token_roles import special_tokens


@pytest.fixture(params=FAMILIES)
def tokenizer(request, tmp_path):
    save_tokenizer(request.param, tmp_path)
    return load_tokenizer(tmp_path)


@pytest.mark.parametrize("texts", [("a",), ("a", "b")])
def test_special_tokens_are_those_that_belong_to_no_text(tokenizer, texts):
    encoded = tokenizer(*texts)
    groups = [[] for _ in range(len(texts) + 1)]
    seen = 0
    for token_id, side in zip(encoded["input_ids"], encoded.sequence_ids(0), strict=True):
        if side is None:
            groups[seen].append(token_id)
        else:
            seen = side + 1
    assert special_tokens(tokenizer, len(texts)) == tuple(groups)


def test_a_tokenizer_that_makes_nothing_of_a_letter_has_none_told():
    def mute(*texts, add_special_tokens=True, verbose=False):
        return {"input_ids": [1, 2] if add_special_tokens else []}

    assert special_tokens(mute, 1) == ([], [])
    assert special_tokens(mute, 2) == ([], [], [])

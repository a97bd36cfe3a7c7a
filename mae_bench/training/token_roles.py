"""What a tokenizer's own special tokens mean for reading: where a text is summed up, how pairs end.

Encoders from elsewhere have frames of their own: ``<s> a </s></s> b </s>``, or none at all.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar

ROW = "a text"
PAIR = ("one text", "another text")
LETTERS = ("a", "b")


P = TypeVar("P", bound=str)  # names of poolings, "last" among them


def own_poolings(poolings: Sequence[P], tokenizer: Any) -> tuple[P | Literal["last"], ...]:
    """Return poolings for a tokenizer: `cls` is the last token where no [CLS] stands first.

    The first token of a decoder has read nothing but itself; its last has read all, as XLNet's
    [CLS] has, which stands last.
    """
    cls = tokenizer.cls_token_id
    ids = tokenizer(ROW, verbose=False)["input_ids"]
    has_first = cls is not None and bool(ids) and ids[0] == cls
    named: Iterator[P | Literal["last"]]
    named = ("last" if pooling == "cls" and not has_first else pooling for pooling in poolings)
    return tuple(dict.fromkeys(named))


def special_tokens(tokenizer: Any, num_texts: Literal[1, 2]) -> tuple[list[int], ...]:
    """Return the special tokens before, between and after so many texts that are one sequence.

    None are told where a tokenizer makes no token of a letter.
    """
    texts = LETTERS[:num_texts]
    whole, at = list(tokenizer(*texts, verbose=False)["input_ids"]), 0
    groups: list[list[int]] = []
    for text in texts:
        own = list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
        starts = range(at, len(whole) - len(own) + 1)
        start = next((i for i in starts if own and whole[i : i + len(own)] == own), None)
        if start is None:
            return ([],) * (num_texts + 1)
        groups.append(whole[at:start])
        at = start + len(own)
    return (*groups, whole[at:])


def pair_separator(tokenizer: Any) -> int | None:
    """Return the token whose first occurrence ends the first segment of a pair.

    None where the tokenizer does not tell the two texts of a pair apart in that way.
    """
    separator = tokenizer.sep_token_id
    if separator is None:
        return None
    made = tokenizer(*PAIR, return_token_type_ids=True, verbose=False)
    ids, types = made["input_ids"], made.get("token_type_ids")
    if separator not in ids:
        return None
    end = ids.index(separator) + 1
    return int(separator) if types == [0] * end + [1] * (len(ids) - end) else None


def pad_id(tokenizer: Any, vocab_size: int) -> int:
    """Return the id that fills rows: the tokenizer's own, or 0 where it has none in reach.

    Which one it is never matters: a mask hides it from every other token.
    """
    own = tokenizer.pad_token_id
    return int(own) if own is not None and 0 <= own < vocab_size else 0

"""Schemes that write spans as one tag a word, and how each is read as IOB2.

IOB1, IOB2 (Ramshaw & Marcus 1995, arXiv:cmp-lg/9505040; Tjong Kim Sang & Veenstra 1999), IOBES,
BILOU (Ratinov & Roth 2009) and BMES, told apart by their letters.
"""

import re
from collections.abc import Iterable, Sequence

OUTSIDE = "O"
_SPAN = re.compile(r"([BIESLUM])-(.+)", re.DOTALL)
_STARTS = "BSU"  # and any letter after another type or none
_ENDS = "ESLU"


def are_spans(names: Iterable[str]) -> bool:
    """Whether tags write spans: each is ``O``, or a letter of a scheme with a type behind it."""
    inside = [name for name in names if name != OUTSIDE]
    return bool(inside) and all(_SPAN.fullmatch(name) for name in inside)


def as_iob2(tags: Sequence[str]) -> list[str]:
    """Return the spans of one text's tags as IOB2, where each begins with ``B-``.

    An ``I-`` that goes on from nothing begins a span: so it does in IOB1, and so the official
    scorer of CoNLL reads it.
    """
    read, going_on = [], ""
    for tag in tags:
        if tag == OUTSIDE:
            read.append(tag)
            going_on = ""
            continue
        letter, name = tag.split("-", 1)
        is_start = letter in _STARTS or name != going_on
        read.append(f"{'B' if is_start else 'I'}-{name}")
        going_on = "" if letter in _ENDS else name
    return read


def iob2_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the tags that `as_iob2` can give where a text's tags have the given names."""
    kept = dict.fromkeys(name for name in names if name == OUTSIDE)
    for name in names:
        if name != OUTSIDE:
            letter, kind = name.split("-", 1)
            kept[f"B-{kind}"] = None
            if letter in "IELM":
                kept[f"I-{kind}"] = None
    return tuple(kept)


def without_strays(tags: Sequence[str]) -> list[str]:
    """Return IOB2 tags in which an ``I-`` that goes on from no span of its type is ``O``.

    Strict scoring finds no span there: what does not begin with ``B-`` is none.
    """
    kept: list[str] = []
    for tag in tags:
        is_stray = tag.startswith("I-") and (not kept or kept[-1][2:] != tag[2:])
        kept.append(OUTSIDE if is_stray else tag)
    return kept

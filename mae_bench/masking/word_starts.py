"""Where words start in rows of tokens, whatever bytes of a character a token holds.

A token of a byte-level vocabulary may hold a part of a character only, and a word that follows a
line break looks like the inside of one. So what decides is the character that ends before a
token and the one that it begins. Legend: B rows, L positions, V vocabulary size.
"""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from mae_bench.data.scripts import is_mark, is_space, is_unspaced

LONGEST = 4  # bytes of a character in UTF-8
_LOW = 0xFFFFFFFF


class WordStarts(nn.Module):
    """The first and the last bytes of every token.

    Attributes:
        first: [V] up to four bytes, the first one highest.
        last: [V] up to four bytes, the last one lowest.
        size: [V] how many of the four there are; a special token has four of zero.
    """

    first: Tensor
    last: Tensor
    size: Tensor
    is_end: Tensor
    is_base: Tensor
    is_mark: Tensor

    def __init__(self, tokens: Sequence[bytes | None]) -> None:
        """Hold the tables of tokens; None is a special one, which no character crosses."""
        super().__init__()
        whole = [b"\0" * LONGEST if token is None else token for token in tokens]
        heads = [int.from_bytes(token[:LONGEST].ljust(LONGEST, b"\0"), "big") for token in whole]
        tails = [int.from_bytes(token[-LONGEST:], "big") for token in whole]
        sizes = [min(len(token), LONGEST) for token in whole]
        unspaced, mark, space = (torch.from_numpy(f()) for f in (is_unspaced, is_mark, is_space))
        tables = {
            "first": torch.tensor(heads),
            "last": torch.tensor(tails),
            "size": torch.tensor(sizes),
            "is_end": space | unspaced,
            "is_base": space | (unspaced & ~mark),
            "is_mark": mark & ~space,
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Return [B, L] whether a word starts at a token because of the characters around it.

        It does with white space, with a character of a script without blanks, and after either;
        not with a combining mark or inside a character.
        """
        begun, ended = self._begun(ids), self._ended(ids)
        is_start = self.is_base[begun.clamp(min=0)] | (
            self.is_end[ended.clamp(min=0)] & ~self.is_mark[begun.clamp(min=0)]
        )
        return is_start & (begun >= 0)

    def _begun(self, ids: Tensor) -> Tensor:
        """Return [B, L] the character that begins with each token; -1 inside of one."""
        window, size, taken = self.first[ids], self.size[ids], torch.zeros_like(ids)
        for step in range(1, LONGEST):
            taken = (taken + _moved(size, 1 - step)).clamp(max=LONGEST)
            window = window | (_moved(self.first[ids], -step) >> (8 * taken))
        a, b, c, d = (window >> shift & 0xFF for shift in (24, 16, 8, 0))
        return _decoded(a, b, c, d)

    def _ended(self, ids: Tensor) -> Tensor:
        """Return [B, L] the character that ends before each token; -1 where there is none."""
        last, size = _moved(self.last[ids], 1), _moved(self.size[ids], 1)
        window, taken = last, size
        for step in range(1, LONGEST):
            window = window | (_moved(last, step) << (8 * taken) & _LOW)
            taken = (taken + _moved(size, step)).clamp(max=LONGEST)
        d, c, b, a = (window >> shift & 0xFF for shift in (0, 8, 16, 24))
        is_tail = [(byte & 0xC0) == 0x80 for byte in (d, c, b)]
        # the bytes from the latest one on that is no continuation
        zero = torch.zeros_like(a)
        one = _decoded(d, zero, zero, zero)
        two = _decoded(c, d, zero, zero)
        three = _decoded(b, c, d, zero)
        four = _decoded(a, b, c, d)
        deep = torch.where(is_tail[2], four, three)
        return torch.where(is_tail[0], torch.where(is_tail[1], deep, two), one)


@cache
def byte_of_char() -> dict[str, int]:
    """Return the byte that each character of a byte-level vocabulary stands for.

    Source: Radford et al. 2019, GPT-2's ``bytes_to_unicode``.
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    other = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {
        chr(256 + index): byte for index, byte in enumerate(other)
    }


def _moved(values: Tensor, steps: int) -> Tensor:
    """Return [B, L] values moved right by some steps, or left; 0 comes in."""
    if steps == 0:
        return values
    moved = torch.zeros_like(values)
    if steps > 0:
        moved[:, steps:] = values[:, :-steps]
    else:
        moved[:, :steps] = values[:, -steps:]
    return moved


def _decoded(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Return the code point of the character whose first byte is ``a``; -1 for none."""
    code_point = torch.where(a < 0x80, a, -1)
    code_point = torch.where((a >= 0xC2) & (a < 0xE0), (a & 0x1F) << 6 | b & 0x3F, code_point)
    three = (a & 0x0F) << 12 | (b & 0x3F) << 6 | c & 0x3F
    code_point = torch.where((a >= 0xE0) & (a < 0xF0), three, code_point)
    four = (a & 0x07) << 18 | (b & 0x3F) << 12 | (c & 0x3F) << 6 | d & 0x3F
    return torch.where((a >= 0xF0) & (a < 0xF5), four.clamp(max=0x10FFFF), code_point)

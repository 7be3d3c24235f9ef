"""Random mutations of valid files, for `fuzz.py`: bits, bytes, numbers, blocks, tokens and lines."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

MOST = 6
"""The maximum number of mutations of one input."""
MAX_BYTES = 200_000
NUMBERS = (
    0,
    1,
    2,
    7,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
)
"""Values that lengths, offsets and dimensions are replaced with."""


def mutated(rng: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Return one of the seeds after 1 to `MOST` mutations; with `tokens`, also of tokens and lines of text."""
    content = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, MOST)):
        rng.choice(_BY_TOKENS if tokens and rng.random() < 0.7 else _BY_BYTES)(rng, content, seeds, tokens)
    return bytes(content[:MAX_BYTES])


Mutation = Callable[[random.Random, bytearray, Sequence[bytes], Sequence[bytes]], None]


def _flip_bit(rng: random.Random, content: bytearray, *_: object) -> None:
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _set_byte(rng: random.Random, content: bytearray, *_: object) -> None:
    if content:
        content[rng.randrange(len(content))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))


def _set_number(rng: random.Random, content: bytearray, *_: object) -> None:
    """Overwrite 2, 4 or 8 bytes with a number, as if they were a length, an offset or a dimension."""
    size, at = rng.choice((2, 4, 4, 8)), _place(rng, content)
    number = rng.choice((*NUMBERS, len(content), len(content) - at, rng.getrandbits(16))) % 2 ** (8 * size)
    content[at : at + size] = number.to_bytes(size, rng.choice(("little", "big")))


def _truncate(rng: random.Random, content: bytearray, *_: object) -> None:
    del content[_place(rng, content) :]


def _remove(rng: random.Random, content: bytearray, *_: object) -> None:
    at = _place(rng, content)
    del content[at : at + _length(rng, content)]


def _insert(rng: random.Random, content: bytearray, *_: object) -> None:
    at = _place(rng, content)
    content[at:at] = rng.randbytes(rng.randint(1, 32))


def _copy_block(rng: random.Random, content: bytearray, *_: object) -> None:
    """Copy a block to another place, over what is there or before it."""
    start, at, size = _place(rng, content), _place(rng, content), _length(rng, content)
    block = content[start : start + size]
    content[at : at + len(block) if rng.random() < 0.5 else at] = block


def _splice(rng: random.Random, content: bytearray, seeds: Sequence[bytes], _: object) -> None:
    """Continue with the rest of another valid file."""
    other = rng.choice(seeds)
    content[_place(rng, content) :] = other[rng.randrange(len(other) + 1) :]


def _insert_token(rng: random.Random, content: bytearray, _: object, tokens: Sequence[bytes]) -> None:
    at = _place(rng, content)
    content[at:at] = rng.choice(tokens) * rng.choice((1, 1, 1, 1, 2, 50))


def _replace_value(rng: random.Random, content: bytearray, _: object, tokens: Sequence[bytes]) -> None:
    """Replace a word, number or quoted text with a token."""
    at = _place(rng, content)
    start = max(content.rfind(mark, 0, at) for mark in (b" ", b":", b",", b"\n", b"[", b"{"))
    ends = [end for end in (content.find(mark, at) for mark in (b" ", b",", b"\n", b"]", b"}", b":")) if end >= 0]
    content[start + 1 : min(ends, default=len(content))] = rng.choice(tokens)


def _move_line(rng: random.Random, content: bytearray, *_: object) -> None:
    """Repeat, remove or move a line."""
    lines = bytes(content).split(b"\n")
    line = rng.randrange(len(lines))
    found = lines[line] if rng.random() < 0.3 else lines.pop(line)
    if rng.random() < 0.7:
        lines.insert(rng.randrange(len(lines) + 1), found)
    content[:] = b"\n".join(lines)


def _indent(rng: random.Random, content: bytearray, *_: object) -> None:
    lines = bytes(content).split(b"\n")
    line = rng.randrange(len(lines))
    lines[line] = rng.choice((b"  " + lines[line], lines[line].lstrip(), b"\t" + lines[line], b"- " + lines[line]))
    content[:] = b"\n".join(lines)


def _place(rng: random.Random, content: bytearray) -> int:
    """A random position; headers are at the start, so it is chosen more often."""
    return rng.randrange((min(len(content), 64) if rng.random() < 0.25 else len(content)) + 1)


def _length(rng: random.Random, content: bytearray) -> int:
    return rng.randint(1, max(1, min(len(content), 4 ** rng.randint(1, 6))))


_BY_BYTES: tuple[Mutation, ...] = (
    _flip_bit, _flip_bit, _set_byte, _set_byte, _set_number, _set_number,
    _truncate, _remove, _insert, _copy_block, _splice,
)  # fmt: skip
_BY_TOKENS: tuple[Mutation, ...] = (_insert_token, _replace_value, _replace_value, _move_line, _indent)

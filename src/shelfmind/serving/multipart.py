"""Parts of a multipart body that lies in memory (RFC 2046), found by searching instead of by stepping through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shelfmind.serving.problems import Problem

LONGEST_HEAD = 1 << 13
_LINE, _DASHES = b"\r\n", b"--"


@dataclass(frozen=True)
class Part:
    """What stands between two boundaries: headers by lower-case name, and what is below them."""

    headers: Mapping[bytes, bytes]
    content: bytes


def parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """The parts of a body, in order; what stands before the first boundary and after the last one is nothing.

    Raises:
        Problem: it has no such boundary, ends before the last one, or has a head that is none.
    """
    delimiter = _LINE + _DASHES + boundary
    position = len(delimiter) - len(_LINE) if body.startswith(delimiter[len(_LINE) :]) else _after(body, delimiter, 0)
    if position < 0:
        raise Problem(400, "the body is no multipart/form-data of this boundary")
    while body[position : position + 2] != _DASHES:
        head = body.find(_LINE, position)
        start = body.find(2 * _LINE, head, head + LONGEST_HEAD)
        if head < 0 or start < 0:
            raise Problem(400, "the body ends before its last boundary, or a part of it has too long a head")
        found = _after(body, delimiter, start + 2 * len(_LINE))
        if found < 0:
            raise Problem(400, "the body ends before its last boundary")
        content = body[start + 2 * len(_LINE) : found - len(delimiter)]
        yield Part(_headers(body[head + len(_LINE) : start]), content)
        position = found


def _after(body: bytes, delimiter: bytes, start: int) -> int:
    """Where the next delimiter has ended, or less than 0; what only begins like it is content."""
    while (found := body.find(delimiter, start)) >= 0:
        end = found + len(delimiter)
        if body[end : end + 2] == _DASHES or not body[end : body.find(_LINE, end)].strip(b" \t"):
            return end
        start = end
    return found


def _headers(head: bytes) -> Mapping[bytes, bytes]:
    """Lines of a part's head."""
    found = {}
    for line in head.split(_LINE) if head else ():
        name, colon, value = line.partition(b":")
        if not colon:
            raise Problem(400, "a part of the body has a head that is none")
        found[name.strip().lower()] = value.strip()
    return found

"""Parse a multipart body in memory (RFC 2046) by searching for boundaries, without stepping through every byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shelfmind.serving.problems import Problem

MAX_HEAD_BYTES = 1 << 13
_LINE, _DASHES = b"\r\n", b"--"


@dataclass(frozen=True)
class Part:
    """The content between two boundaries: headers by lower-case name, and the body."""

    headers: Mapping[bytes, bytes]
    content: bytes


def parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """Return the parts of a body in order. Text before the first and after the last boundary is ignored.

    Raises:
        Problem: the boundary is missing, the body is truncated, or a part has malformed headers.
    """
    delimiter = _LINE + _DASHES + boundary
    position = (
        len(delimiter) - len(_LINE) if body.startswith(delimiter[len(_LINE) :]) else _find_boundary(body, delimiter, 0)
    )
    if position < 0:
        raise Problem(400, "the body is not multipart/form-data with this boundary")
    while body[position : position + 2] != _DASHES:
        head = body.find(_LINE, position)
        start = body.find(2 * _LINE, head, head + MAX_HEAD_BYTES)
        if head < 0 or start < 0:
            raise Problem(400, "the body ends before its last boundary, or the headers of a part are too long")
        found = _find_boundary(body, delimiter, start + 2 * len(_LINE))
        if found < 0:
            raise Problem(400, "the body ends before its last boundary")
        content = body[start + 2 * len(_LINE) : found - len(delimiter)]
        yield Part(_headers(body[head + len(_LINE) : start]), content)
        position = found


def _find_boundary(body: bytes, delimiter: bytes, start: int) -> int:
    """Return the end of the next delimiter, or a negative number. Text that only starts like one is content."""
    while (found := body.find(delimiter, start)) >= 0:
        end = found + len(delimiter)
        if body[end : end + 2] == _DASHES or not body[end : body.find(_LINE, end)].strip(b" \t"):
            return end
        start = end
    return found


def _headers(head: bytes) -> Mapping[bytes, bytes]:
    """Parse the headers of a part."""
    found = {}
    for line in head.split(_LINE) if head else ():
        name, colon, value = line.partition(b":")
        if not colon:
            raise Problem(400, "a part of the body has malformed headers")
        found[name.strip().lower()] = value.strip()
    return found

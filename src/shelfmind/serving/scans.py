"""Count the scans of a JPEG. Each makes the decoder pass over all pixels again, however few bytes it has."""

from __future__ import annotations

import re

MAX_SCANS = 100
"""Encoders write a dozen or so at most."""
_START, _SCAN, _END = b"\xff\xd8", 0xDA, 0xD9
_BEFORE_SCAN = bytes([0xFF, _SCAN])
_NEXT_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""A marker in the data of a scan. Stuffed bytes and restart markers do not count."""


def has_too_many_scans(content: bytes, most: int = MAX_SCANS) -> bool:
    """Whether encoded bytes are a JPEG with more than `most` scans. Damaged files are left to the decoder."""
    if not content.startswith(_START) or content.count(_BEFORE_SCAN) <= most:  # segments may contain these bytes, too
        return False
    position, scans = len(_START), 0
    while (found := _NEXT_MARKER.search(content, position)) is not None and content[found.end() - 1] != _END:
        scans += content[found.end() - 1] == _SCAN
        if scans > most:
            return True
        position = found.end() + max(2, int.from_bytes(content[found.end() : found.end() + 2], "big"))
    return False

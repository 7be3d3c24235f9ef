"""How a file of each format carries what belongs to its network, and a checksum of all of it, and stays a file of that
format for everybody else. Reading takes no package of the format."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Protocol

CHECKSUM = "shelfmind.sha256"
DIGEST = 64
"""Characters of a SHA-256."""
LONGEST_VARINT = 70
"""Bits of ten bytes, which is what a number of 64 bits takes; anything may stand in a file that is not ours."""


class DamagedError(ValueError):
    """A file that carries something of ours, but not what was written."""


class Carrier(Protocol):
    """A format of networks; what it carries are texts by their names."""

    def carrying(self, network: bytes, entries: Mapping[str, str]) -> bytes:
        """The file of a network with entries behind it, the last of which is a checksum of all before."""

    def carried(self, content: bytes) -> Mapping[str, str]:
        """The entries of a file; none if it is of another format or not ours.

        Raises:
            DamagedError: the checksum is of another content.
        """


class ProtocolBuffer:
    """A message with a repeated field of pairs of texts, which may stand anywhere, so behind everything else, too."""

    def __init__(self, field: int) -> None:
        self.field = field

    def carrying(self, network: bytes, entries: Mapping[str, str]) -> bytes:
        """The message with further pairs."""
        content = b"".join([network, *(self._entry(name, text) for name, text in entries.items())])
        return content + self._entry(CHECKSUM, hashlib.sha256(content).hexdigest())

    def carried(self, content: bytes) -> Mapping[str, str]:
        """The pairs of the message, verified."""
        try:
            pairs = [dict(_fields(value)) for number, value in _fields(content) if number == self.field]
            found = {pair[1].decode(): pair[2].decode() for pair in pairs}
        except (IndexError, KeyError, ValueError):
            return {}
        if CHECKSUM not in found:
            return {}
        last = len(self._entry(CHECKSUM, "0" * DIGEST))
        if hashlib.sha256(memoryview(content)[:-last]).hexdigest() != found[CHECKSUM]:
            raise DamagedError
        return found

    def _entry(self, name: str, text: str) -> bytes:
        pair = b"".join(_delimited(number, each.encode()) for number, each in ((1, name), (2, text)))
        return _delimited(self.field, pair)


class Archive:
    """A zip archive, uncompressed: the network's files, and one for each entry; its comment is the checksum."""

    def carrying(self, network: bytes, entries: Mapping[str, str]) -> bytes:
        """The archive with further files."""
        stream = io.BytesIO(network)
        with zipfile.ZipFile(stream, "a") as archive:
            for name, text in entries.items():
                archive.writestr(zipfile.ZipInfo(name), text.encode())
            archive.comment = _comment("0" * DIGEST)
        content = stream.getvalue()[:-DIGEST]
        return content + hashlib.sha256(content).hexdigest().encode()

    def carried(self, content: bytes) -> Mapping[str, str]:
        """The files of the archive that are no part of the network, verified."""
        if not content.startswith(b"PK") or not content[:-DIGEST].endswith(_comment("")):
            return {}
        if hashlib.sha256(memoryview(content)[:-DIGEST]).hexdigest().encode() != content[-DIGEST:]:
            raise DamagedError
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist() if name.startswith("shelfmind")}


def archived(files: Mapping[str, bytes]) -> bytes:
    """An archive of a network's files, which `Archive` adds to."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # of no date, so that the same content is the same file
    return stream.getvalue()


def unpacked(content: bytes, names: tuple[str, ...]) -> list[bytes]:
    """Files of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in names]


def _comment(digest: str) -> bytes:
    return f"{CHECKSUM}={digest}".encode()


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a protocol buffer by their numbers; of numbers nothing but their place is read."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        if tag & 7 == 0:
            _, place = _varint(content, place)
            continue
        if tag & 7 != 2:
            raise ValueError("no such field in a message of a network")
        size, place = _varint(content, place)
        if place + size > len(content):
            raise ValueError("cut off")
        yield tag >> 3, content[place : place + size]
        place += size


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, LONGEST_VARINT, 7):
        byte = content[place]
        value |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return value, place
    raise ValueError("no number")


def _delimited(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])

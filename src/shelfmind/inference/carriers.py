"""Embed metadata and a checksum in exported files of each format, which remain valid files of that format.

Reading needs no package of the format."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from typing import Protocol

CHECKSUM = "shelfmind.sha256"
DIGEST = 64
"""Number of hexadecimal characters of a SHA-256."""
MAX_VARINT_BITS = 70
"""Number of bits in ten bytes, the length of a 64-bit varint. Foreign files may contain anything."""


class DamagedError(ValueError):
    """A file with shelfmind's metadata whose content does not match the checksum, or is not of the format."""


class Carrier(Protocol):
    """A network format with embedded named texts."""

    def embed(self, network: bytes, entries: Mapping[str, str]) -> bytes:
        """Return the file of a network with appended entries, the last of which is a checksum of everything before."""

    def extract(self, content: bytes) -> Mapping[str, str]:
        """Return the entries of a file; empty if it has another format or no metadata of shelfmind.

        Raises:
            DamagedError: the checksum does not match, or the content is not of the format.
        """


class ProtocolBuffer:
    """A protobuf message with a repeated field of text pairs. Fields may be in any order, so pairs can be appended."""

    def __init__(self, field: int) -> None:
        self.field = field

    def embed(self, network: bytes, entries: Mapping[str, str]) -> bytes:
        """Return the message with additional pairs."""
        content = b"".join([network, *(self._entry(name, text) for name, text in entries.items())])
        return content + self._entry(CHECKSUM, hashlib.sha256(content).hexdigest())

    def extract(self, content: bytes) -> Mapping[str, str]:
        """Return the verified pairs of the message."""
        try:
            pairs = [dict(_fields(value)) for number, value in _fields(content) if number == self.field]
            found = {pair[1].decode(): pair[2].decode() for pair in pairs}
        except (IndexError, KeyError, ValueError):
            return {}
        if CHECKSUM not in found:
            return {}
        last = len(self._entry(CHECKSUM, "0" * DIGEST))
        if hashlib.sha256(memoryview(content)[:-last]).hexdigest() != found[CHECKSUM]:
            raise DamagedError("its checksum does not match")
        return found

    def _entry(self, name: str, text: str) -> bytes:
        pair = b"".join(_delimited(number, each.encode()) for number, each in ((1, name), (2, text)))
        return _delimited(self.field, pair)


class Archive:
    """An uncompressed zip archive with the network's files and a file for each entry. Its comment is the checksum."""

    def embed(self, network: bytes, entries: Mapping[str, str]) -> bytes:
        """Return the archive with additional files."""
        stream = io.BytesIO(network)
        with zipfile.ZipFile(stream, "a") as archive:
            for name, text in entries.items():
                archive.writestr(zipfile.ZipInfo(name), text.encode())
            archive.comment = _comment("0" * DIGEST)
        content = stream.getvalue()[:-DIGEST]
        return content + hashlib.sha256(content).hexdigest().encode()

    def extract(self, content: bytes) -> Mapping[str, str]:
        """Return the verified entries of the archive."""
        if not content.startswith(b"PK") or not content[:-DIGEST].endswith(_comment("")):
            return {}
        if hashlib.sha256(memoryview(content)[:-DIGEST]).hexdigest().encode() != content[-DIGEST:]:
            raise DamagedError("its checksum does not match")
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = [name for name in archive.namelist() if name.startswith("shelfmind")]
                return {name: archive.read(name).decode() for name in names}
        except Exception as error:  # of a zip archive that shelfmind did not write
            raise DamagedError(str(error)) from error


def archived(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of a network's files, to which `Archive` adds entries."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # no date, so that equal content gives equal files
    return stream.getvalue()


def unpacked(content: bytes, names: tuple[str, ...]) -> list[bytes]:
    """Return files of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in names]


def _comment(digest: str) -> bytes:
    return f"{CHECKSUM}={digest}".encode()


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of a protobuf message by number. Numeric values are skipped."""
    offset = 0
    while offset < len(content):
        tag, offset = _varint(content, offset)
        if tag & 7 == 0:
            _, offset = _varint(content, offset)
            continue
        if tag & 7 != 2:
            raise ValueError("unexpected field in the message of a network")
        size, offset = _varint(content, offset)
        if offset + size > len(content):
            raise ValueError("truncated")
        yield tag >> 3, content[offset : offset + size]
        offset += size


def _varint(content: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, MAX_VARINT_BITS, 7):
        byte = content[offset]
        value |= (byte & 127) << shift
        offset += 1
        if byte < 128:
            return value, offset
    raise ValueError("invalid number")


def _delimited(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])

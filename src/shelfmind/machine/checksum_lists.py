"""Lists of SHA-256 checksums next to files, ``SHA256SUMS``, in the format of the tool ``sha256sum``."""

from __future__ import annotations

import functools
import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from shelfmind.errors import UserError, call
from shelfmind.files import reason, status_of, write_bytes

CHECKSUMS = "SHA256SUMS"
_PLAIN = re.compile(rb"(?P<digest>[0-9A-Fa-f]+)[ \t](?![ *]\Z)[ *]?(?P<name>.+)", re.DOTALL)
_TAGGED = re.compile(rb"SHA256 ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9A-Fa-f]+)", re.DOTALL)
_DIGEST = re.compile(r"[0-9a-f]{64}|[0-9A-F]{64}")
_ESCAPED = re.compile(rb"\\(.?)", re.DOTALL)
_ESCAPES = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def checksums_in(folder: Path) -> Mapping[str, str]:
    """The checksums that the list in a folder has, as 64 hexadecimal digits, by path relative to the folder.

    Empty if there is no list. Lists of ``sha256sum`` and of the BSD tools are read, with their escapes; comments and
    empty lines are skipped. Raises `UserError` with the number of a line that is anything else.
    """
    path = folder / CHECKSUMS
    return _read(path, status_of(path)) if os.path.isfile(path) else {}


def listed_checksum(path: Path) -> tuple[Path, str] | None:
    """The list that a file is in and its checksum there: the nearest list in the file's folder and those above it.

    None if no list has the file. Raises `UserError` as `checksums_in`.
    """
    path = Path(os.path.abspath(path))
    for folder in path.parents:
        checksum = checksums_in(folder).get(path.relative_to(folder).as_posix())
        if checksum is not None:
            return folder / CHECKSUMS, checksum
    return None


def write_checksums(folder: Path, checksums: Mapping[str, str]) -> None:
    """Write the list of a folder atomically, sorted by path. Raises `UserError` if the folder is not writable."""
    write_bytes(folder / CHECKSUMS, b"".join(_line(name, checksums[name]) for name in sorted(checksums)))


def _line(name: str, checksum: str) -> bytes:
    plain = os.fsencode(name)
    escaped = plain.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    return b"%s%s  %s\n" % (b"\\" if escaped != plain else b"", checksum.encode(), escaped)


@functools.lru_cache(64)
def _read(path: Path, status: tuple[int, ...]) -> Mapping[str, str]:
    """The checksums of a list; `status` identifies its version."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {reason(error)}") from error
    found: dict[str, str] = {}
    for number, line in enumerate(content.removeprefix(_BYTE_ORDER_MARK).split(b"\n"), 1):
        line = line.removesuffix(b"\r")
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            name, checksum = _parsed(line)
            if found.setdefault(name, checksum) != checksum:
                raise ValueError(f"has another checksum of {name} than a line above it")
        except ValueError as error:
            again = call("verify", paths=[str(path.parent)], accept=True)
            raise UserError(
                f"{path}, line {number} {error}. Restore the list from a copy; if the files are intact, record their "
                f"checksums again with: {again}"
            ) from error
    found.pop(CHECKSUMS, None)  # ``sha256sum * > SHA256SUMS`` lists the list itself, before it is written
    return found


def _parsed(line: bytes) -> tuple[str, str]:
    """The path and the checksum of a line. Raises `ValueError` with a reason that follows "line 3"."""
    text = line.lstrip(b" \t")
    escaped = text.startswith(b"\\")
    parts = _PLAIN.fullmatch(text[escaped:]) or _TAGGED.fullmatch(text[escaped:])
    if parts is None or b"\0" in line:
        raise ValueError("is not a SHA-256 and a file name, as sha256sum writes them")
    checksum = parts["digest"].decode()
    if len(checksum) != 64:
        raise ValueError(f"has a checksum of {len(checksum)} hexadecimal digits, but a SHA-256 has 64")
    if _DIGEST.fullmatch(checksum) is None:
        raise ValueError("is damaged: its checksum has both small and capital letters")
    name = posixpath.normpath(os.fsdecode(_unescaped(parts["name"]) if escaped else parts["name"]))
    if posixpath.isabs(name) or name == ".." or name.startswith("../"):
        raise ValueError(f"has a file outside of its folder: {name}")
    return name, checksum.lower()


def _unescaped(name: bytes) -> bytes:
    def plain(found: re.Match[bytes]) -> bytes:
        if found[1] not in _ESCAPES:
            raise ValueError("has a file name with an unknown escape")
        return _ESCAPES[found[1]]

    return _ESCAPED.sub(plain, name)

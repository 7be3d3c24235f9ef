"""Lists the members of tar archives, and finds archives that are truncated or damaged."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import IO

import numpy as np

from shelfmind.errors import UserError
from shelfmind.images.members import Members, duplicates_in, safe_name
from shelfmind.nouns import shortened

_COMPRESSED = {
    b"\x1f\x8b": "gunzip",
    b"BZh": "bunzip2",
    b"\xfd7zXZ\0": "unxz",
    b"\x28\xb5\x2f\xfd": "unzstd",
}
_AGAIN = "download or copy it again, or pack it again"


def tar_members(path: Path, shown: str) -> Members:
    """The regular files of a tar archive with their positions, in one pass over its headers; `shown` names it in
    messages.

    Raises `UserError` if the archive is compressed, truncated, damaged, or has two members of one name.
    """
    names: list[str] = []
    places: list[int] = []
    sizes: list[int] = []
    skipped = 0
    with open(path, "rb") as file:
        try:
            archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 - it owns nothing but this file
        except tarfile.TarError as error:
            raise _not_a_tar(file, shown) from error
        try:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # one object per member would take a kilobyte each
                if member.isreg() and member.sparse is None:
                    names.append(safe_name(member.name, shown))
                    places.append(member.offset_data)
                    sizes.append(member.size)
                else:
                    skipped += not member.isdir()
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise UserError(f"{shown} is truncated or damaged {_after(names)}: {error}; {_AGAIN}") from error
        _require_end(file, archive.offset, names, shown)
    repeated = list(duplicates_in(names))
    if repeated:
        raise UserError(f"{shown} has several members named {shortened(repeated, 3)}; {_AGAIN} with different names")
    return Members(names, np.array(places, np.int64), np.array(sizes, np.int64), skipped)


def _require_end(file: IO[bytes], offset: int, names: list[str], shown: str) -> None:
    """Raise `UserError` unless the archive ends with its end marker: `tarfile` takes a damaged header for the end."""
    file.seek(offset)
    block = file.read(tarfile.BLOCKSIZE)
    if block == bytes(tarfile.BLOCKSIZE):
        return
    if len(block) == tarfile.BLOCKSIZE:
        raise UserError(f"{shown} is damaged {_after(names)}: byte {offset:,} does not start a member; {_AGAIN}")
    raise UserError(f"{shown} is truncated {_after(names)}: it lacks the end marker of a tar archive; {_AGAIN}")


def _after(names: list[str]) -> str:
    return f"after its member {names[-1]}" if names else "at its start"


def _not_a_tar(file: IO[bytes], shown: str) -> UserError:
    file.seek(0)
    head = file.read(8)
    for start, program in _COMPRESSED.items():
        if head.startswith(start):
            return UserError(f"{shown} is compressed, so photos cannot be read one by one; unpack it with {program}")
    if not head:
        return UserError(f"{shown} is empty; {_AGAIN}")
    return UserError(f"{shown} is not a tar archive, or is truncated or damaged at its start; {_AGAIN}")

"""Files that are whole or absent: written beside their place, synced and renamed."""

from __future__ import annotations

import errno
import glob
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file, sync it and rename it to `path`; a failure leaves the old file as it was.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix}")
    try:
        write(temporary)
        os.chmod(temporary, 0o644)
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {_reason(error)}; what was there before is unchanged") from error
    finally:
        for leftover in path.parent.glob(f"{glob.escape(temporary.stem)}*"):  # a writer may make files of its own
            leftover.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all; bytes of file names that are not UTF-8 become escapes, as in JSON."""
    write_whole(path, lambda temporary: _fill(temporary, text))


def write_json(path: Path, content: Any) -> None:
    """Write JSON whole or not at all."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def cache_folder() -> Path:
    """Where decoded photos, verdicts and downloads are kept: ``SHELFMIND_CACHE``, else in the user's cache folder."""
    given = os.environ.get("SHELFMIND_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(given) if given else base / "shelfmind"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the cache folder {folder} cannot be made ({error.strerror}); set SHELFMIND_CACHE") from error
    return folder


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "no space left; free some and go on"
    return error.strerror or str(error)


def _fill(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", errors="backslashreplace")

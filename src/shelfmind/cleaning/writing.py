"""Writes a folder that is whole or absent, and puts images into it as links, copies or JPEGs."""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from shelfmind.data.examining import available_cores
from shelfmind.data.images import BadImage, open_image
from shelfmind.errors import UserError
from shelfmind.files import sync_folder
from shelfmind.progress import Progress
from shelfmind.runtime.ahead import map_ahead

try:
    import fcntl
except ImportError:  # Windows: what a crash leaves there must be deleted by hand
    fcntl = None  # type: ignore[assignment]

LINKS = ("auto", "hard", "symbolic", "copy")
JPEG_QUALITY = 95
_MARK = ".being-prepared"
_JPEG_START = b"\xff\xd8\xff"


def require_empty(out: Path) -> None:
    """Refuse an output folder that holds anything, before any work is done."""
    try:
        if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
            raise UserError(f"{out} is not an empty folder; choose another, or empty it first")
    except OSError as error:
        raise UserError(f"{out} cannot be read: {error.strerror or error}") from error


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A hidden folder beside `out` to fill, which becomes `out` when all went well and is gone otherwise.

    What a killed process left of an earlier attempt is removed. Raises `UserError` if there is no space left or the
    place cannot be written.
    """
    require_empty(out)
    partial = out.with_name(f".{out.name}.partial-{secrets.token_hex(4)}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(out)
        partial.mkdir()
        with _marked(partial):
            yield partial
        if hasattr(os, "sync"):
            os.sync()  # one for all files: none is empty after a power cut
        if out.exists():
            out.rmdir()
        partial.rename(out)
        sync_folder(out.parent)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = (
            "no space left; free some and try again" if full else f"{error.filename or ''}: {error.strerror or error}"
        )
        raise UserError(f"{out} cannot be written: {reason}; nothing of it is left") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def place_images(
    folder: Path, sources: Sequence[Path], targets: Sequence[str], *, link: str, jpeg: bool, progress: Progress
) -> dict[str, int]:
    """Put each source at its target below `folder`, and say how many were linked, copied or converted.

    `link` is one of `LINKS`; "auto" makes hard links where the file system can, else copies. With `jpeg` what is not a
    JPEG by content is decoded upright and encoded anew. The sources are only read. Raises `OSError` as it comes and
    `UserError` for a link that cannot be made.
    """
    for parent in sorted({target.rsplit("/", 1)[0] for target in targets}):
        (folder / parent).mkdir(parents=True)
    counts: dict[str, int] = {}

    def place(index: int) -> str:
        return _place(sources[index], folder / targets[index], link, jpeg)

    cores = available_cores()
    for how in map_ahead(place, range(len(targets)), ahead=8 * cores, workers=2 * cores):
        counts[how] = counts.get(how, 0) + 1
        progress(1)
    return counts


def jpeg_bytes(source: Path) -> bytes:
    """The image, upright, as a JPEG of high quality without metadata; the same for the same file and Pillow."""
    try:
        image = open_image(source)
    except BadImage as error:
        raise UserError(f"{source}: {error.reason}, though it was good when it was checked; begin again") from error
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _place(source: Path, target: Path, link: str, jpeg: bool) -> str:
    real = os.path.realpath(source)  # a link to a link would break when the middle one goes
    if jpeg:
        with open(real, "rb") as file:
            is_jpeg = file.read(3) == _JPEG_START
        if not is_jpeg:
            target.write_bytes(jpeg_bytes(source))
            return "converted to JPEG"
    if link == "symbolic":
        os.symlink(real, target)
        return "linked"
    if link in ("auto", "hard"):
        try:
            os.link(real, target)
        except OSError as error:
            if link == "hard":
                reason = error.strerror or error
                raise UserError(f"{source} cannot be linked: {reason}; --link copy does without") from error
        else:
            return "linked"
    shutil.copyfile(real, target)
    return "copied"


@contextlib.contextmanager
def _marked(folder: Path) -> Iterator[None]:
    """A file in the folder that is locked as long as this process lives."""
    mark = folder / _MARK
    with open(mark, "wb") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
        mark.unlink()


def _remove_abandoned(out: Path) -> None:
    """Remove earlier attempts at `out` whose process no longer lives."""
    if fcntl is None:
        return
    for mark in out.parent.glob(f".{glob.escape(out.name)}.partial-*/{_MARK}"):
        with contextlib.suppress(OSError), open(mark, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where its process still works on it
            shutil.rmtree(mark.parent, ignore_errors=True)

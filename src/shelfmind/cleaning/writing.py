"""Writes images to a folder as links, copies or JPEGs."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from shelfmind.errors import UserError, argument
from shelfmind.images.decoding import BadImage, open_image
from shelfmind.images.photo_files import is_plain, open_file, read_file
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Progress
from shelfmind.urls import shown_url

LINKS = ("auto", "hard", "symbolic", "copy")
JPEG_QUALITY = 95
_JPEG_START = b"\xff\xd8\xff"
_COPYING = argument("link", "copy")


def place_images(
    folder: Path, sources: Sequence[Path], targets: Sequence[str], *, link: str, jpeg: bool, progress: Progress
) -> dict[str, int]:
    """Write each source to its target below `folder`, and return how many were linked, copied or converted.

    `link` is one of `LINKS`; "auto" creates hard links if the file system supports them, else copies. With `jpeg`,
    files that are not JPEG by content are decoded upright and re-encoded. The sources are only read. Raises `OSError`
    unchanged, and `UserError` for a link that cannot be created.
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
    if counts.keys() - {"linked"} and hasattr(os, "sync"):
        os.sync()  # one sync for all files, so that none is empty after a power cut
    return counts


def jpeg_bytes(source: Path) -> bytes:
    """The image, upright, as a high-quality JPEG without metadata; deterministic for a file and a Pillow version."""
    try:
        image = open_image(source)
    except BadImage as error:
        raise UserError(
            f"{shown_url(source)}: {error.reason}, although it passed the check; run the command again"
        ) from error
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _place(source: Path, target: Path, link: str, jpeg: bool) -> str:
    if jpeg and not _is_jpeg(source):
        target.write_bytes(jpeg_bytes(source))
        return "converted to JPEG"
    if not is_plain(source):
        if link in ("hard", "symbolic"):
            raise UserError(
                f"{shown_url(source)} is in an archive or an object store, so it cannot be linked; use {_COPYING}"
            )
        target.write_bytes(read_file(source))
        return "copied"
    real = os.path.realpath(source)  # a link to a link would break if the middle one is deleted
    if link == "symbolic":
        os.symlink(real, target)
        return "linked"
    if link in ("auto", "hard"):
        try:
            os.link(real, target)
        except OSError as error:
            if link == "hard":
                reason = error.strerror or error
                raise UserError(f"{source} cannot be linked: {reason}; use {_COPYING}") from error
        else:
            return "linked"
    shutil.copyfile(real, target)
    return "copied"


def _is_jpeg(source: Path) -> bool:
    file, _ = open_file(source)
    with file:
        return file.read(3) == _JPEG_START

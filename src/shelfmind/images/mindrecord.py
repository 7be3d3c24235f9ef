"""Writes squares to MindRecord shards, MindSpore's data format, reproducibly."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mindspore.mindrecord import FileWriter
from PIL import Image

from shelfmind.errors import UserError
from shelfmind.images.squares import DecodedOnDemand, Square, in_order
from shelfmind.machine.checksums import file_sha256
from shelfmind.progress import Progress
from shelfmind.recipe import DataRecipe

IMAGES_PER_SHARD, BYTES_PER_SHARD = 8192, 2**28
JPEG_QUALITY = 95
SCHEMA = {"image": {"type": "bytes"}, "label": {"type": "int32"}, "path": {"type": "string"}}
_HEADER_BYTES, _PAGE_BYTES = 2**20, 2**23
"""The defaults, 16 and 32 MiB, make every shard at least 48 MiB."""

Row = tuple[bytes, int, str]
"""An encoded image, its class id and its name."""


def write_shards(
    folder: Path,
    split: str,
    files: Sequence[Path],
    labels: Sequence[int],
    names: Sequence[str],
    *,
    image_size: int,
    progress: Progress,
) -> list[str]:
    """Write one split to ``folder/<split>-<nnnnn>.mindrecord``, and return the names of its shards, in order.

    Each image is resized to a square by structure-retention resize, as for training, and encoded as JPEG. Each shard is
    written sequentially by a separate writer: with several files per writer, MindRecord's bytes are not reproducible. A
    shard must keep its name; the folder may be renamed. Raises `OSError` if the disk is full.
    """
    squares = in_order(DecodedOnDemand(files, DataRecipe(resize_to=image_size)))
    shards: list[str] = []
    rows: list[Row] = []
    held = 0
    for square, label, name in zip(squares, labels, names, strict=True):
        rows.append((_encoded(square), label, name))
        held += len(rows[-1][0])
        progress(1)
        if len(rows) == IMAGES_PER_SHARD or held >= BYTES_PER_SHARD:
            shards.append(_write_shard(folder, split, len(shards), rows))
            rows, held = [], 0
    if rows:
        shards.append(_write_shard(folder, split, len(shards), rows))
    return shards


def describe_shards(folder: Path, shards: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of every file of these shards: MindRecord has no checksum and does not detect flipped bytes."""
    return {name: file_sha256(folder / name) for shard in shards for name in (shard, f"{shard}.db")}


def _write_shard(folder: Path, split: str, number: int, rows: Sequence[Row]) -> str:
    path = folder / f"{split}-{number:05d}.mindrecord"
    _require_space(path, sum(len(image) + len(name) + 256 for image, _, name in rows))
    try:
        writer = FileWriter(os.fspath(path), shard_num=1)
        writer.set_header_size(_HEADER_BYTES)
        writer.set_page_size(_PAGE_BYTES)
        writer.add_schema(SCHEMA, "images by structure-retention resize")
        for image, label, name in rows:
            writer.write_raw_data([{"image": image, "label": label, "path": name}])
        writer.commit()
    except RuntimeError as error:  # any file error, with a long C++ trace
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"the MindRecord file {path.name} cannot be written: {reason}; check the free space") from error
    for file in (path, path.with_name(f"{path.name}.db")):
        file.chmod(0o644)  # MindRecord makes them readable by their owner only
    return path.name


def _require_space(path: Path, content_bytes: int) -> None:
    """Raise `OSError` unless a shard fits on the disk: otherwise MindRecord may terminate the process."""
    needed = _HEADER_BYTES + 4 * _PAGE_BYTES + content_bytes * 5 // 4  # images do not span pages
    try:
        with open(path, "wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, needed)
            else:
                file.truncate(needed)
    finally:
        path.unlink(missing_ok=True)


def _encoded(square: Square) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(square).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()

"""Opens any image file as upright 8-bit RGB, or reports why it cannot be used."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from shelfmind.errors import UserError
from shelfmind.images.heif import (
    HEAD_BYTES,
    NEEDS_PILLOW_HEIF,
    NEEDS_PILLOW_WITH_AVIF,
    container_format,
    is_cut_short,
    missing_reader,
)
from shelfmind.images.photo_files import open_file

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
FILE_SUFFIXES = {
    "JPEG": _JPEG_SUFFIXES,
    "PNG": (".png",),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif", ".heif", ".hif"),
    "HEIF": (".heic", ".heif", ".hif"),
    "MPO": _JPEG_SUFFIXES,
}
"""File suffixes by Pillow's format names; MPO files contain several JPEG images, of which the first is used."""
IMAGE_SUFFIXES = frozenset(suffix for suffixes in FILE_SUFFIXES.values() for suffix in suffixes)
BACKGROUND = (255, 255, 255)
"""The background colour for transparent pixels: RGB."""
MOST_PIXELS = 120_000_000
"""The largest image that is decoded by default, with at most 1.5 GB of memory: larger than a photo of 108
megapixels. Few bytes can claim to be far more."""

MISSING = "missing"
NO_PERMISSION = "no permission to read"
NOT_A_FILE = "not a regular file"
UNREADABLE = "cannot be read"
NO_MEMORY = "not enough memory to decode"
ZERO_BYTES = "zero bytes"
NOT_AN_IMAGE = "not an image"
BAD_HEADER = "header truncated or damaged"
TRUNCATED = "truncated"
DAMAGED = "damaged"
TOO_LARGE = "too many pixels"
UNSUPPORTED_COLOURS = "unsupported colour mode"

_PLAIN_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
_SIGNATURES = (b"\xff\xd8", b"\x89PNG", b"RIFF", b"GIF8", b"II*\0", b"MM\0*")
_PASSING = frozenset(
    {MISSING, NO_PERMISSION, NOT_A_FILE, UNREADABLE, NO_MEMORY, NEEDS_PILLOW_HEIF, NEEDS_PILLOW_WITH_AVIF}
)
_ROWS = 256
"""Rows of a deep or transparent image that are converted at a time."""
_PILLOW_MODULES = re.compile(r"PIL\.")


class BadImage(Exception):  # noqa: N818 - the name says what it is, as UserError does
    """A file or bytes that cannot be used as an image; `reason` is a short text for tables.

    `permanent` is whether the bytes themselves are at fault, so that the result can be cached.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def permanent(self) -> bool:
        """Whether the content is at fault, not the path or the machine."""
        return self.reason not in _PASSING


Pixels = npt.NDArray[np.uint8]
"""An image as an array: (height, width, 3) in RGB order, (height, width, 4) with transparency, (height, width) grey."""


def open_image(
    source: Path | bytes | Image.Image | Pixels,
    *,
    draft_size: tuple[int, int] | None = None,
    background: tuple[int, int, int] = BACKGROUND,
    most_pixels: int | None = None,
) -> Image.Image:
    """Decode an image fully: the first frame, upright (EXIF orientation), 8-bit RGB, without metadata.

    Deeper greyscale is scaled to 8 bits, transparency is composited on `background`. With `draft_size` (width, height)
    a JPEG may be decoded at a reduced size, but never below twice that size on either side. Files and encoded bytes
    with more than `most_pixels` pixels (`MOST_PIXELS` by default) according to the header are not decoded. Opened
    Pillow images are converted like files, as are NumPy arrays, see `Pixels`. Raises `BadImage`, and `UserError` for a
    source of another type or an array of another shape or type.
    """
    _silence_pillow()
    if isinstance(source, np.ndarray):
        source = _from_array(source)
    if isinstance(source, Image.Image):
        with _as_bad_image(b"", 0, None):
            return _upright(source, draft_size, background)
    if isinstance(source, bytes):
        return _opened(io.BytesIO(source), len(source), draft_size, background, most_pixels)
    if not isinstance(source, Path):
        raise UserError(
            f"an image must be a path, encoded bytes, a Pillow image or a NumPy array, got {type(source).__name__}"
        )
    with opened_file(source) as (file, size_bytes):
        return _opened(file, size_bytes, draft_size, background)


def _from_array(pixels: Pixels) -> Image.Image:
    is_image = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if pixels.dtype != np.uint8 or not is_image or 0 in pixels.shape:
        raise UserError(
            "an image as an array must be uint8 of shape (height, width, 3) in RGB order, (height, width, 4) or "
            f"(height, width), got {pixels.dtype} of shape {pixels.shape}"
        )
    return Image.fromarray(pixels)


@contextmanager
def opened_file(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """A regular file open for reading, and its size in bytes; raises `BadImage` if it cannot be read, and `UserError`
    if its archive is damaged or its store is away."""
    try:
        file, size_bytes = open_file(path)
        with file:
            yield file, size_bytes
    except IsADirectoryError as error:
        raise BadImage(NOT_A_FILE) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadImage(MISSING) from error
    except PermissionError as error:
        raise BadImage(NO_PERMISSION) from error
    except (OSError, ValueError) as error:  # input/output errors; ValueError: a NUL character in the path
        raise BadImage(UNREADABLE) from error


def _silence_pillow() -> None:
    """Ignore Pillow's warnings on unusual metadata; relevant problems are raised as `BadImage`.

    The filter is permanent: `warnings.catch_warnings` is not thread-safe, and files are checked in threads.
    """
    for category in (Image.DecompressionBombWarning, UserWarning):
        if ("ignore", None, category, _PILLOW_MODULES, 0) not in warnings.filters:
            warnings.filterwarnings("ignore", category=category, module=_PILLOW_MODULES.pattern)


@dataclass(frozen=True, slots=True)
class Stored:
    """How a file stores its image: `width` and `height` are those of the upright image at full size."""

    format: str
    mode: str
    width: int
    height: int
    orientation: int
    animated: bool
    transparent: bool


def open_stored(file: IO[bytes], size_bytes: int, draft_size: tuple[int, int] | None) -> tuple[Image.Image, Stored]:
    """Decode like `open_image` a file that is open at its start, and return how the image is stored."""
    _silence_pillow()
    with _decoder(file, size_bytes) as image:
        width, height = _upright_size(image)
        stored = Stored(
            format=image.format or "",
            mode=image.mode,
            width=width,
            height=height,
            orientation=_orientation(image),
            animated=_is_animated(image),
            transparent=image.has_transparency_data,
        )
        return _upright(image, draft_size, BACKGROUND), stored


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height of the upright image from the file's header, without decoding. Raises `BadImage`."""
    _silence_pillow()
    with opened_file(path) as (file, size_bytes), _decoder(file, size_bytes) as image:
        return _upright_size(image)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height of an image that is not decoded yet, once it is upright."""
    width, height = image.size
    if isinstance(image, TiffImagePlugin.TiffImageFile):  # `size` may already have swapped sides
        width, height = image.tag_v2[ExifTags.Base.ImageWidth], image.tag_v2[ExifTags.Base.ImageLength]
    return (width, height) if _orientation(image) < 5 else (height, width)


def _opened(
    file: IO[bytes],
    size_bytes: int,
    draft_size: tuple[int, int] | None,
    background: tuple[int, int, int],
    most_pixels: int | None = None,
) -> Image.Image:
    with _decoder(file, size_bytes, most_pixels) as image:
        return _upright(image, draft_size, background)


@contextmanager
def _decoder(file: IO[bytes], size_bytes: int, most_pixels: int | None = None) -> Iterator[Image.Image]:
    """The image of an open file, not yet decoded; errors within the context are raised as `BadImage`."""
    if size_bytes == 0:
        raise BadImage(ZERO_BYTES)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    container = container_format(head)
    missing = missing_reader(container) if container is not None else None
    if missing is not None:
        raise BadImage(missing)
    formats = _PLAIN_FORMATS if container is None else (container,)
    with _as_bad_image(head, size_bytes, file), Image.open(file, formats=formats) as image:
        if image.width * image.height > (MOST_PIXELS if most_pixels is None else most_pixels):
            raise BadImage(TOO_LARGE)
        yield image


def _upright(image: Image.Image, draft_size: tuple[int, int] | None, background: tuple[int, int, int]) -> Image.Image:
    if draft_size is not None:
        side = 2 * max(draft_size)  # the orientation may still swap the sides
        image.draft(None, (side, side))
    _require_all_strips(image)
    image.load()
    orientation = _orientation(image)
    upright = _as_rgb(image, background)
    upright.info.clear()
    if orientation != 1:  # only this tag: Pillow would rewrite the whole EXIF block and fail if it is broken
        upright.getexif()[ExifTags.Base.Orientation] = orientation
        ImageOps.exif_transpose(upright, in_place=True)
    return upright


def _require_all_strips(image: Image.Image) -> None:
    """Raise `BadImage` for a TIFF without data for its last rows, which Pillow would decode as black."""
    tiles = getattr(image, "tile", [])
    if not isinstance(image, TiffImagePlugin.TiffImageFile) or not tiles:
        return
    height = image.tag_v2[ExifTags.Base.ImageLength]  # that of `image` is the width if the orientation swaps the sides
    if max(tile[1][3] for tile in tiles) < height:
        raise BadImage(DAMAGED)


@contextmanager
def _as_bad_image(head: bytes, size_bytes: int, file: IO[bytes] | None) -> Iterator[None]:
    """Convert any decoding error to `BadImage`; `head` are the first bytes of the file, which has `size_bytes`
    bytes."""
    try:
        yield
    except BadImage:
        raise
    except Image.DecompressionBombError as error:
        raise BadImage(TOO_LARGE) from error
    except MemoryError as error:
        raise BadImage(NO_MEMORY) from error
    except Exception as error:  # decoders raise almost anything on malformed bytes: struct.error, KeyError
        if _ends_early(head, size_bytes, file):
            raise BadImage(TRUNCATED) from error
        if isinstance(error, UnidentifiedImageError):
            known = head.startswith(_SIGNATURES) or container_format(head) is not None
            raise BadImage(BAD_HEADER if known else NOT_AN_IMAGE) from error
        raise BadImage(_reason(error)) from error


def _ends_early(head: bytes, size_bytes: int, file: IO[bytes] | None) -> bool:
    """Whether a WebP, AVIF or HEIF file is truncated; their decoders report all damage alike."""
    if file is not None and container_format(head) is not None:
        return is_cut_short(file, size_bytes)
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP" and int.from_bytes(head[4:8], "little") + 8 > size_bytes


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return UNREADABLE
    cut_short = isinstance(error, EOFError) or "truncated" in str(error).lower()
    return TRUNCATED if cut_short else DAMAGED


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) if it is missing or the EXIF block is broken."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken metadata does not make the pixels bad
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _is_animated(image: Image.Image) -> bool:
    """Whether there is more than one frame; only the first is used, and damage after it is ignored.

    The further pictures of a camera's JPEG (MPO) are previews, not frames.
    """
    try:
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except Exception:
        return False


def _as_rgb(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    if 0 in image.size:
        raise BadImage(DAMAGED)
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _grey_to_8_bits(np.asarray(image), sixteen_bits=image.mode != "F" and image.format == "PNG")
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        opaque = Image.new("RGB", image.size, background)
        for top in range(0, image.height, _ROWS):  # layer and mask would take more memory than the image
            layer = image.crop((0, top, image.width, min(top + _ROWS, image.height)))
            layer = layer.convert("LA") if layer.mode == "La" else layer
            layer = layer.convert("RGBA")
            opaque.paste(layer, (0, top), mask=layer.getchannel("A"))
        return opaque
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise BadImage(UNSUPPORTED_COLOURS) from error


def _grey_to_8_bits(pixels: npt.NDArray[np.generic], sixteen_bits: bool) -> npt.NDArray[np.uint8]:
    """Scale greyscale of any depth to 0..255, shape (height, width).

    Unsigned 16-bit values are divided by 257. Other values are interpreted by their range: floats within 0..1, 8-bit
    values, 16-bit values, and otherwise minimum to maximum.
    """
    blocks = [slice(start, start + _ROWS) for start in range(0, len(pixels), _ROWS)]  # doubles take much memory
    if (pixels.dtype.kind == "u" and pixels.dtype.itemsize == 2) or sixteen_bits:
        low, high = 0.0, 65535.0
    else:
        extremes = [(values.min(), values.max()) for values in (_finite(pixels[block]) for block in blocks)]
        low, high = float(min(low for low, _ in extremes)), float(max(high for _, high in extremes))
        if low >= 0 and high <= 65535:
            floats = pixels.dtype.kind == "f"
            low, high = 0.0, 1.0 if floats and high <= 1 else 255.0 if high <= 255 else 65535.0
    grey = np.empty(pixels.shape, np.uint8)
    for block in blocks:
        grey[block] = np.rint((_finite(pixels[block]) - low) / ((high - low) or 1.0) * 255)
    return grey


def _finite(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    return np.nan_to_num(pixels.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)

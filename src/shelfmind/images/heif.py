"""AVIF and HEIF (HEIC) files: detection by their first bytes, required readers, and detection of truncation."""

from __future__ import annotations

from typing import IO

from PIL import Image, features

HEAD_BYTES = 64
"""Number of bytes that `container_format` examines."""

NEEDS_PILLOW_HEIF = "needs pillow-heif: pip install 'shelfmind[heif]'"
NEEDS_PILLOW_WITH_AVIF = "needs a newer Pillow: pip install --upgrade pillow"

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEVC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_ANY_CODEC_BRANDS = frozenset({b"mif1", b"msf1"})


def container_format(head: bytes) -> str | None:
    """AVIF or HEIF, as named by Pillow, from the brands in a file's first bytes (ISO/IEC 23008-12); None for others."""
    if head[4:8] != b"ftyp":
        return None
    major = head[8:12]
    end = min(int.from_bytes(head[:4], "big"), len(head))
    compatible = {head[start : start + 4] for start in range(16, end, 4)}
    if major in _AVIF_BRANDS or (major in _ANY_CODEC_BRANDS and compatible & _AVIF_BRANDS):
        return "AVIF"
    return "HEIF" if major in _HEVC_BRANDS | _ANY_CODEC_BRANDS else None


def missing_reader(container: str) -> str | None:
    """The package required to read files of this format; None if it is installed. Registers HEIF with Pillow."""
    if container == "AVIF":
        return None if features.check("avif") else NEEDS_PILLOW_WITH_AVIF
    try:
        import pillow_heif
    except ImportError:
        return NEEDS_PILLOW_HEIF
    if container not in Image.OPEN:
        pillow_heif.register_heif_opener(thumbnails=False)
    return None


def is_cut_short(file: IO[bytes], size_bytes: int) -> bool:
    """Whether one of the file's top-level boxes extends beyond its end."""
    offset = 0
    while offset < size_bytes:
        file.seek(offset)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:  # the true length follows
            length = int.from_bytes(header[8:16], "big")
        if len(header) < 8 or length > size_bytes - offset:
            return True
        if length < 8:  # 0: to the end of the file; anything else is invalid
            return False
        offset += length
    return False

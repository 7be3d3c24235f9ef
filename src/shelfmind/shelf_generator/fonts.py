"""Finds fonts on the system or at given paths, without downloads."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from shelfmind.errors import UserError

FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "C:/Windows/Fonts",
)
LATIN_FONTS = (
    "DejaVuSans-Bold",
    "DejaVuSerif-Bold",
    "DejaVuSansCondensed-Bold",
    "DejaVuSans-BoldOblique",
    "LiberationSans-Bold",
    "LiberationSerif-Bold",
    "NotoSans-Bold",
    "NotoSerif-Bold",
    "Arial Bold",
    "arialbd",
)
CJK_FONTS = (
    "NotoSansCJK-Bold",
    "NotoSansSC-Bold",
    "SourceHanSansSC-Bold",
    "NotoSerifCJK-Bold",
    "NotoSansCJK-Regular",
    "NotoSansSC-Regular",
    "wqy-zenhei",
    "wqy-microhei",
    "DroidSansFallbackFull",
    "PingFang",
    "msyhbd",
    "msyh",
    "simhei",
    "simkai",
)
_SUFFIXES = (".ttf", ".ttc", ".otf")
_NOTHING = "\ue6b5"
"""A private-use character that no font should have: it reveals the glyph of missing characters."""


@dataclass(frozen=True)
class Fonts:
    """The font files for lettering: any number of Latin and of Chinese fonts, from which brands choose.

    Without a Latin font, Pillow's default is used; without a Chinese font, synthetic strokes.
    """

    latin: tuple[Path, ...] = ()
    cjk: tuple[Path, ...] = ()


def find_fonts(choice: Sequence[str]) -> Fonts:
    """The fonts of a setting: "system", "none", or files and folders, which may be combined with "system".

    Raises:
        UserError: a path is missing, is not a font, or contains none.
    """
    latin: list[Path] = []
    cjk: list[Path] = []
    for entry in choice:
        if entry == "system":
            found = system_fonts()
            latin, cjk = latin + list(found.latin), cjk + list(found.cjk)
        elif entry != "none":
            for path in _font_files(Path(os.path.expanduser(entry))):
                writes_latin, writes_chinese = _scripts(path)
                latin += [path] * writes_latin
                cjk += [path] * writes_chinese
    return Fonts(tuple(dict.fromkeys(latin)), tuple(dict.fromkeys(cjk)))


def system_fonts(folders: Iterable[str | Path] = FONT_FOLDERS) -> Fonts:
    """Known fonts in the usual folders, in a fixed order of preference, so that the choice is reproducible."""
    found: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(Path(os.path.expanduser(folder)).rglob("*")):
            if path.suffix.lower() in _SUFFIXES and os.access(path, os.R_OK):
                found.setdefault(path.stem.lower(), path)

    def those(names: Iterable[str]) -> list[Path]:
        return [found[name.lower()] for name in names if name.lower() in found]

    return Fonts(tuple(those(LATIN_FONTS)[:4]), tuple(those(CJK_FONTS)[:2]))


@lru_cache(maxsize=40)
def sized_font(path: Path | None, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font at a size in pixels, the simplified Chinese face of a collection; None is Pillow's default font."""
    if path is None:
        return ImageFont.load_default(size)
    return ImageFont.truetype(str(path), size, index=_face(path), layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=64)
def _face(path: Path) -> int:
    if path.suffix.lower() != ".ttc":
        return 0
    for index in range(16):
        try:
            name = ImageFont.truetype(str(path), 16, index=index).getname()[0] or ""
        except OSError:
            break
        if name.endswith(" SC"):
            return index
    return 0


def _font_files(path: Path) -> list[Path]:
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.suffix.lower() in _SUFFIXES)
        if not files:
            raise UserError(f"no fonts (.ttf, .ttc, .otf) in {path}; give another folder, or 'system' or 'none'")
        return files
    if not path.exists():
        raise UserError(f"no such font file or folder: {path}; give a path, 'system' or 'none'")
    return [path]


def _scripts(path: Path) -> tuple[bool, bool]:
    """Whether a font has Latin letters, and Chinese characters."""
    try:
        font = sized_font(path, 24)
        missing = bytes(font.getmask(_NOTHING))
        return bytes(font.getmask("R")) != missing, bytes(font.getmask("茶")) != missing
    except OSError as error:
        raise UserError(f"{path} is not a font that can be read ({error})") from error

"""The language of a page, and its counterpart in the other language."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
CHINESE = "zh/"


def language_of(page: str) -> str:
    """Return ``zh`` for pages below `docs/zh`, otherwise ``en``."""
    return "zh" if page.startswith(CHINESE) else "en"


def counterpart(page: str, language: str) -> str:
    """Return the page with the same name in that language, or its start page if there is none."""
    plain = page.removeprefix(CHINESE)
    if language == language_of(page):
        return page
    wanted = CHINESE + plain if language == "zh" else plain
    if (DOCS / wanted).is_file():
        return wanted
    return f"{CHINESE}index.md" if language == "zh" else "index.md"

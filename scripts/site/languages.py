"""Which language a page is in, and where the other one says the same."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
CHINESE = "zh/"


def language_of(page: str) -> str:
    """``zh`` for pages below `docs/zh`, else ``en``."""
    return "zh" if page.startswith(CHINESE) else "en"


def counterpart(page: str, language: str) -> str:
    """The page of that language with the same name, or its start page where there is none."""
    plain = page.removeprefix(CHINESE)
    if language == language_of(page):
        return page
    wanted = CHINESE + plain if language == "zh" else plain
    if (DOCS / wanted).is_file():
        return wanted
    return f"{CHINESE}index.md" if language == "zh" else "index.md"

"""What both READMEs promise: one screen, links and pictures that exist, the same commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
MOST_LINES, MOST_KB = 90, 150


def text_of(name: str) -> str:
    """A README."""
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", READMES)
def test_it_stays_short(name: str) -> None:
    assert len(text_of(name).splitlines()) <= MOST_LINES


@pytest.mark.parametrize("name", READMES)
def test_links_lead_to_what_exists(name: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(name))
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("name", READMES)
def test_links_to_sections_find_their_heading(name: str) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]+\.md)#([^)]+)\)", text_of(name)):
        headings = re.findall(r"^#+ (.+)$", (ROOT / target).read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in anchors, f"{name}: {target}#{anchor}"


def test_both_show_the_same_commands_pictures_and_figures() -> None:
    def shown(name: str) -> tuple[list[str], ...]:
        text = text_of(name)
        blocks = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
        commands = re.findall(r"^(shelfmind \w+|make \w+|pip install \S+)", blocks, re.MULTILINE)
        return commands, re.findall(r"pictures/\w+\.webp", text), re.findall(r"RESULTS\.md#[\w-]+", text)

    english, chinese = (shown(name) for name in READMES)
    assert english == chinese


def test_pictures_are_small() -> None:
    pictures = sorted((ROOT / "docs" / "pictures").glob("*.webp"))
    assert len(pictures) == 3
    assert [picture.name for picture in pictures if picture.stat().st_size > MOST_KB * 1024] == []

"""What a reader of the Chinese page would meet in English."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

SAME_IN_BOTH = {"AUROC", "Grad-CAM", "Top", "Wilson", "bootstrap", "EXIF", "Logit", "tau", "shelfmind", "kB", "px"}
SAME_IN_BOTH |= {"Guo", "Liu", "Menon", "Crete", "El-Yaniv", "Wiener", "JPEG", "PNG", "Kolmogorov-Smirnov", "blur"}
SAME_IN_BOTH |= {
    "Benjamini-Hochberg",
    "effect",
    "RGB",
    "Clopper-Pearson",
    "find-label-errors",
    "review",
    "calibrate",
    "Holm",
    "SigClust",
}
VOID = {"meta", "img", "input", "br"}
READ = ("alt", "aria-label", "placeholder")
_ENGLISH = re.compile(r"[A-Za-z][A-Za-z-]*[A-Za-z](?:=\S+)?")
_NAMES = re.compile(r"\S*\.(?:csv|json|jsonl|jpg|png|html|yaml)\S*|evaluation/\S*|/\S+|\.[a-z]+\b|\d+ ?ml")


class Seen(HTMLParser):
    """The texts of a page as its script shows them to a reader of Chinese."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.open: list[tuple[str, bool]] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append((tag, "data-zh" in given or tag in ("style", "script", "pre")))
        if "data-zh" in given:
            self.texts.append(given["data-zh"] or "")
        self.texts += [given.get(f"data-zh-{name}") or given[name] or "" for name in READ if name in given]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if not any(hidden for _, hidden in self.open):
            self.texts.append(data)


@pytest.fixture
def in_english_only() -> Callable[[str], set[str]]:
    """The English words of a page that have no Chinese, but for proper names, formats and files."""

    def found(source: str) -> set[str]:
        texts = (_NAMES.sub("", text) for text in Seen(source).texts)
        return {word for text in texts for word in _ENGLISH.findall(text)} - SAME_IN_BOTH

    return found

"""Files that pages share are there, and need nothing besides."""

from __future__ import annotations

import re
from importlib.resources import files

from shelfmind.pages.web_files import SHARED_FILES


def test_the_table_has_all_that_there_is():
    folder = files("shelfmind").joinpath("pages/look")
    assert set(SHARED_FILES) == {f"look/{path.name}" for path in folder.iterdir()}
    for name, file in SHARED_FILES.items():
        assert file.content
        assert file.media_type.split(";")[0] in {"text/css", "text/javascript", "image/svg+xml"}, name
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)", file.content), name


def test_each_colour_of_the_look_has_one_for_the_dark():
    light, dark = SHARED_FILES["look/look.css"].content.decode().split("prefers-color-scheme: dark")
    assert set(re.findall(r"(--[\w-]+):", light)) == set(re.findall(r"(--[\w-]+):", dark))

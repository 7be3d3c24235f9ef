"""One cookie is found among those of other programs."""

from __future__ import annotations

import pytest

from shelfmind.cookies import cookie_of


@pytest.mark.parametrize(
    "header",
    [
        "own=a.1-b_",
        'prefs={"theme":"dark"}; own=a.1-b_',
        "seen; own=a.1-b_",
        "words=two words;own=a.1-b_ ; other=1",
        "not_own=x; own=a.1-b_; own=later",
        'quoted="; own=a.1-b_',
    ],
)
def test_found_among_others(header: str) -> None:
    assert cookie_of(header, "own") == "a.1-b_"


@pytest.mark.parametrize("header", ["", "own", "own=", "owner=x", "OWN=x", ";;="])
def test_empty_if_there_is_none(header: str) -> None:
    assert cookie_of(header, "own") == ""

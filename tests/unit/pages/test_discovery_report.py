"""The page of a discovery says how much it does not show, and where that is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.gallery.discovery_folder import Discovery, FoundPhoto
from shelfmind.pages.discovery_report import MAX_ROWS, write_discovery_page
from shelfmind.progress import count_silently


def test_lists_that_are_cut_name_the_file_with_all_rows(tmp_path: Path) -> None:
    photos = tuple(FoundPhoto(f"/p/{number}.jpg", "0" * 64) for number in range(MAX_ROWS + 3))
    bad = tuple((f"/p/{number}.png", "truncated") for number in range(MAX_ROWS + 4))
    no_gallery: Any = None  # only groups show its photos
    found = Discovery("g", {}, {}, (), photos, photos[:MAX_ROWS], bad, np.zeros((0, 4), np.float32))
    write_discovery_page(tmp_path / "page.html", found, no_gallery, count_silently)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('"more-line"') == 2
    assert "3 more rows: see groups.csv." in page
    assert "4 more rows: see groups.csv." in page
    assert "audit.json" not in page

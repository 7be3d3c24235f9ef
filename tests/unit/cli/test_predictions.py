"""The table of predictions: whatever the width, nothing that differs looks alike."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from shelfmind.cli.predictions import predictions_table, with_ellipsis
from shelfmind.inference.predictor import Guess, Prediction

NAMES = [
    "农夫山泉饮用天然水 330ml",
    "农夫山泉饮用天然水 500ml",
    "Coca-Cola Zero Sugar Carbonated Soft Drink 330ml",
    "Coca-Cola Zero Sugar Carbonated Soft Drink 500ml",
    "Coca-Cola Zero Sugar Carbonated Soft Drink 500ml x 6",
]


def predicted(path: str, names: list[str]) -> Prediction:
    return Prediction(path, tuple(Guess(name, 0.9 / 2**rank) for rank, name in enumerate(names)))


def drawn(predictions: list[Prediction], top: int = 5, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=False).print(predictions_table(predictions, top, width))
    return stream.getvalue()


def first_cells(text: str, column: int) -> list[str]:
    rows = [line.split("│")[1:-1] for line in text.splitlines() if "│" in line]
    return [row[column].strip() for row in rows if len(row) > column]


def test_names_that_differ_in_their_endings_stay_apart_at_80_columns() -> None:
    predictions = [predicted(f"new/{i}.jpg", [*NAMES[i:], *NAMES[:i]]) for i in range(5)]
    text = drawn(predictions)
    assert all(cell_len(line) <= 80 for line in text.splitlines())
    cells = first_cells(text, 1)
    assert len(cells) == 5, "one line an image"
    assert len(set(cells)) == 5
    assert any("330ml 90.0%" in cell for cell in cells)
    assert "of 5 predictions fit here" in text


def test_all_guesses_are_shown_where_they_fit() -> None:
    text = drawn([predicted("a.jpg", ["tea", "milk", "rice"])], top=3)
    assert "guess 3" in text
    assert "fit here" not in text
    assert "tea 90.0%" in text
    wide = drawn([predicted("a.jpg", NAMES)], width=320)
    assert all(name in wide for name in NAMES)


def test_the_common_folder_of_photos_in_a_bucket_is_its_url() -> None:
    text = drawn([predicted(f"s3://shop/products of the year/{name}.jpg", NAMES[:1]) for name in "ab"])
    assert text.split("\n")[0].strip() == "s3://shop/products of the year"
    assert first_cells(text, 0) == ["a.jpg", "b.jpg"]


def test_names_that_differ_in_their_middle_are_folded_rather_than_alike() -> None:
    names = [f"{'a' * 60}{number}{'b' * 60}" for number in (1, 2)]
    text = drawn([predicted("1.jpg", [names[0]]), predicted("2.jpg", [names[1]])])
    joined = "".join(first_cells(text, 1))
    assert all(name in joined for name in names)


def test_names_in_brackets_are_no_markup() -> None:
    assert "[red]tea[/red] 90.0%" in drawn([predicted("[b].jpg", ["[red]tea[/red]"])])


def test_files_that_cannot_be_used_say_why() -> None:
    long = Prediction("broken.jpg", (), "not an image " * 8)
    text = drawn([long, predicted("a.jpg", NAMES)])
    assert "unusable" in text
    assert "".join(first_cells(text, 1)).replace(" ", "").count("notanimage") == 8
    assert "unusable: empty" in drawn([Prediction("b.jpg", (), "empty")])


@pytest.mark.parametrize("width", [20, 40, 60, 80, 132])
def test_long_paths_keep_their_endings(width: int) -> None:
    paths = [f"/home/someone/photos of the shelf/{number}/{number}.jpg" for number in range(1000, 1003)]
    text = drawn([predicted(path, NAMES[:2]) for path in paths], width=width)
    folded = "".join(first_cells(text, 0))
    assert all(f"{number}.jpg" in folded for number in range(1000, 1003))
    if width == 80:
        assert "/home/someone/photos of the shelf" in text.splitlines()[0], "what all share is the title"
        assert "1001/1001.jpg" in first_cells(text, 0)


@given(st.text(max_size=40), st.integers(1, 50))
def test_shortened_text_fits(text: str, cells: int) -> None:
    short = with_ellipsis(text, cells)
    assert cell_len(short) <= max(cells, 1)
    assert short == text or "…" in short

"""Copies of known photos are found among others, by fingerprints that no photo is decoded for twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.near_duplicates.close_pairs import close_pairs_across
from shelfmind.analysis.near_duplicates.groups import Limits
from shelfmind.analysis.near_duplicates.near_copies import near_copies
from shelfmind.images import fingerprinting
from shelfmind.images.decoding import open_image
from shelfmind.images.fingerprinting import FINGERPRINTED, FingerprintRecorder, fingerprinted, write_fingerprints
from shelfmind.progress import count_silently


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))


def records(photos: list[Image.Image]) -> np.ndarray:
    return np.array([fingerprinted(photo) for photo in photos], FINGERPRINTED).reshape(len(photos))


def test_each_copy_names_the_photo_it_was_made_of(make_photo: Any) -> None:
    known = [make_photo(seed) for seed in range(150)]
    cropped = known[3].crop((6, 5, 214, 175))
    small = known[140].resize((150, 123))
    white = Image.new("RGB", (220, 180), "white")  # nothing to compare
    asked = [make_photo(1000), cropped, known[7], small, make_photo(1001), white]
    found = near_copies(records(asked), records([*known, white]), Limits(), count_silently)
    assert found.tolist() == [-1, 3, 7, 140, -1, -1]


def test_nothing_is_a_copy_of_nothing(make_photo: Any) -> None:
    some, none = records([make_photo(0)]), np.zeros(1, FINGERPRINTED)
    for asked, known in ((some, some[:0]), (some[:0], some), (none, some), (some, none)):
        assert near_copies(asked, known, Limits(), count_silently).tolist() == [-1] * len(asked)


@pytest.mark.parametrize(("asked", "known"), [(1, 700), (300, 40), (500, 500)])
def test_all_close_pairs_across_and_no_others(asked: int, known: int) -> None:
    generator = np.random.default_rng(5)
    sides = [[generator.normal(size=(count, 20)).astype(np.float32) for _ in range(2)] for count in (asked, known)]
    sides[0][0][0] = sides[1][1][3] + np.float32(0.01)  # near a view alone
    radius, found = 4.0, set()
    for here, there, _ in close_pairs_across(tuple(sides[0]), tuple(sides[1]), radius):
        found |= set(zip(here.tolist(), there.tolist(), strict=True))
    near = np.zeros((asked, known), np.bool_)
    for one, two in ((0, 0), (0, 1), (1, 0)):
        near |= np.linalg.norm(sides[0][one][:, None] - sides[1][two][None], axis=2) <= radius
    assert (0, 3) in found
    assert found == set(zip(*map(np.ndarray.tolist, np.nonzero(near)), strict=True))


def test_what_was_noticed_is_not_decoded_again(
    make_photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths[:2]):
        make_photo(number).save(path)
    paths[2].write_text("no image")
    with FingerprintRecorder() as recorder:
        recorder.record(paths[0], open_image(paths[0]))
        recorder.record(tmp_path / "gone.png", open_image(paths[0]))
    opened: list[Path] = []

    def spy(path: Path, **options: Any) -> Image.Image:
        opened.append(path)
        return open_image(path, **options)

    monkeypatch.setattr(fingerprinting, "open_image", spy)
    for _ in range(2):
        write_fingerprints(paths, tmp_path / "all.npy")
    assert sorted(opened) == [paths[1], paths[2]]
    made = np.load(tmp_path / "all.npy", mmap_mode="r", allow_pickle=False)
    assert made["width"].tolist() == [220, 220, 0]
    assert (made["fingerprint"]["luma"][:2] == records([make_photo(0), make_photo(1)])["fingerprint"]["luma"]).all()
    write_fingerprints([], tmp_path / "none.npy")
    assert np.load(tmp_path / "none.npy").shape == (0,)

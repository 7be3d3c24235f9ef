"""Whole generated sets."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shelfmind.data.shelf_generator import generate, writing
from shelfmind.data.shelf_generator.camera import Shot
from shelfmind.data.shelf_generator.designs import designs
from shelfmind.data.shelf_generator.fonts import system_fonts
from shelfmind.data.shelf_generator.packages import package
from shelfmind.data.shelf_generator.writing import class_counts, render, split_names
from shelfmind.errors import UserError


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("generated") / "set"
    generate(root, classes=5, images=40, seed=3)
    return root


def truth(root: Path) -> list[dict[str, str]]:
    with (root / "truth.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_photo_is_listed_and_opens(small_set: Path) -> None:
    rows = truth(small_set)
    assert {row["path"] for row in rows} == set(files(small_set)) - {"truth.csv"}
    assert len(rows) == 40
    for row in rows:
        assert Path(row["path"]).parts[:2] == (row["split"], row["class"])
        with Image.open(small_set / row["path"]) as image:
            assert image.mode == "RGB"
            assert image.format == "JPEG"
            assert max(image.size) == pytest.approx(int(row["long_side_px"]), abs=4)
            assert np.asarray(image).std() > 10


def test_every_class_is_in_every_split(small_set: Path) -> None:
    counts = Counter((row["class"], row["split"]) for row in truth(small_set))
    for design in designs(5, 3):
        assert counts[design.name, "train"] >= 1
        assert counts[design.name, "val"] >= 1
        assert counts[design.name, "test"] >= 2


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(small_set: Path, tmp_path: Path) -> None:
    generate(tmp_path / "again", classes=5, images=40, seed=3)
    assert files(tmp_path / "again") == files(small_set)
    generate(tmp_path / "other", classes=5, images=40, seed=4)
    assert not set(files(tmp_path / "other").values()) & set(files(small_set).values())


def test_a_photo_depends_on_its_own_numbers_only(small_set: Path) -> None:
    fonts = system_fonts()
    for class_number, design in enumerate(designs(5, 3)):
        (path,) = small_set.rglob(f"{design.name}/0001.jpg")
        assert render(package(design, fonts), fonts, 3, class_number, 1)[0] == path.read_bytes()


def test_progress_counts_up(tmp_path: Path) -> None:
    seen: list[int] = []
    generate(tmp_path / "set", classes=2, images=9, progress=seen.append)
    assert seen == list(range(1, 10))


def test_an_empty_folder_is_filled_and_a_filled_one_refused(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "set"
    out.mkdir(parents=True)
    generate(out, classes=2, images=8)
    before = files(out)
    with pytest.raises(UserError, match="not an empty folder"):
        generate(out, classes=2, images=8, seed=1)
    assert files(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["set"]


def test_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UserError, match="not an empty folder"):
        generate(tmp_path / "file", classes=2, images=8)
    with pytest.raises(UserError, match="cannot write"):
        generate(tmp_path / "file" / "below", classes=2, images=8)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("stopped")])
def test_a_stopped_run_leaves_nothing(tmp_path: Path, failure: BaseException) -> None:
    def stop(written: int) -> None:
        if written == 3:
            raise failure

    with pytest.raises(type(failure)):
        generate(tmp_path / "set", classes=2, images=12, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "render", full)
    with pytest.raises(UserError, match="No space left"):
        generate(tmp_path / "set", classes=2, images=8)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("classes", "images", "seed"), [(1, 100, 0), (10, 39, 0), (2, 8, -1), (0, 0, 0), (10_001, 50_000, 0)]
)
def test_counts_that_do_not_fit_are_refused(tmp_path: Path, classes: int, images: int, seed: int) -> None:
    with pytest.raises(UserError):
        generate(tmp_path / "set", classes=classes, images=images, seed=seed)
    assert not (tmp_path / "set").exists()


@given(classes=st.integers(2, 200), spare=st.integers(0, 5000), seed=st.integers(0, 2**31))
def test_counts_add_up_with_a_floor_and_a_mild_tail(classes: int, spare: int, seed: int) -> None:
    counts = class_counts(classes, 4 * classes + spare, seed)
    assert len(counts) == classes
    assert sum(counts) == 4 * classes + spare
    assert min(counts) >= 4


def test_the_tail_is_mild() -> None:
    counts = class_counts(12, 480, 0)
    assert 1.5 < max(counts) / min(counts) < 3


@given(count=st.integers(4, 2000))
def test_each_class_is_split_in_about_70_10_20(count: int) -> None:
    parts = Counter(split_names(count))
    assert sum(parts.values()) == count
    assert parts["train"] >= 1
    assert parts["val"] >= 1
    assert parts["test"] >= 2
    if count >= 20:
        assert parts["train"] / count == pytest.approx(0.7, abs=0.05)


def test_factors_stay_in_their_ranges() -> None:
    for seed in range(300):
        shot = Shot.drawn(np.random.default_rng(seed))
        assert abs(shot.yaw_deg) <= 38
        assert abs(shot.tilt_deg) <= 9
        assert 0 <= shot.perspective <= 0.16
        assert 0.49 < shot.exposure < 1.7
        assert 0 <= shot.glare <= 0.9
        assert 0 <= shot.occlusion <= 0.3
        assert 0 <= shot.blur_px <= 2.6
        assert 35 <= shot.jpeg_quality <= 92
        assert 128 <= shot.long_side_px <= 224

"""What a recipe is chosen by, read from a data set and a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.guidance.situation import photos_of
from shelfmind.images.decoding import BadImage, upright_size
from shelfmind.kernels import choice, library
from shelfmind.machine import device
from shelfmind.machine.matrix_speed import matrix_gflops
from shelfmind.workflows import recommendation


def test_photos_are_counted_and_their_sizes_read_without_decoding(tmp_path: Path) -> None:
    for product, number in (("可乐", 3), ("tea", 5)):
        for photo in range(number):
            path = tmp_path / "train" / product / f"{photo}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 60 + photo)).save(path)
    (tmp_path / "val" / "tea").mkdir(parents=True)
    (tmp_path / "val" / "tea" / "cut.jpg").write_bytes(b"no image")
    photos = photos_of(open_catalog(tmp_path))
    assert (photos.photos, photos.train_photos, photos.val_photos, photos.classes) == (9, 8, 1, 2)
    assert (photos.smallest, photos.typical, photos.largest) == (3, 5, 5)
    assert photos.longer_side == 61, "of the files that can be read"
    assert photos.few
    assert not photos.long_tail


def test_a_turned_photo_has_the_sides_that_one_sees(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 60)).save(tmp_path / "turned.jpg", exif=exif)
    assert upright_size(tmp_path / "turned.jpg") == (60, 40)
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(BadImage, match="zero bytes"):
        upright_size(tmp_path / "empty.jpg")


def test_no_machine_is_taken_for_faster_than_the_measured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommendation, "matrix_gflops", lambda: 50.5)
    assert recommendation.machine_here("CPU", None).pace == pytest.approx(0.5)
    monkeypatch.setattr(recommendation, "matrix_gflops", lambda: 80.0)  # the measured machine, busy
    assert recommendation.machine_here("CPU", None).pace == 1.0
    monkeypatch.setattr(recommendation, "matrix_gflops", lambda: 1000.0)
    machine = recommendation.machine_here("CPU", 16)
    assert (machine.pace, machine.cores) == (1.0, 16)
    assert recommendation.machine_here("Ascend", None).device == "Ascend"


def test_kernels_and_device_are_told_without_loading_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_KERNELS", "mindspore")
    assert choice.likely() == ("mindspore", "fp32")
    monkeypatch.delenv("SHELFMIND_KERNELS")
    flags = {*library.NEEDED, "avx512_bf16"}
    monkeypatch.setattr(library, "processor_flags", lambda: frozenset(flags))
    monkeypatch.setattr(choice, "installed", lambda: True)
    monkeypatch.setattr(choice, "find_compiler", lambda: "g++")
    assert choice.likely() == ("onednn", "bf16")
    flags.discard("avx512_bf16")
    assert choice.likely() == ("onednn", "fp32")
    flags.discard("avx2")
    assert choice.likely() == ("mindspore", "fp32")
    monkeypatch.setenv("SHELFMIND_DEVICE", "GPU")
    assert device.likely_device() == "GPU"
    monkeypatch.setenv("SHELFMIND_DEVICE", "TPU")
    with pytest.raises(UserError, match="SHELFMIND_DEVICE must be one of"):
        device.likely_device()


def test_products_of_matrices_are_timed() -> None:
    assert matrix_gflops(0.01) > 0.1

"""Every file is measured once, rightly, and remembered."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.measuring import measurement as module
from shelfmind.analysis.measuring.measurement import FACTS, format_names, measure, measure_files
from shelfmind.analysis.measuring.oddities import found_in
from shelfmind.images.checking import check_files
from shelfmind.images.decoding import BadImage
from shelfmind.images.fingerprints import FINGERPRINT


def measured(paths, tmp_path, cache=None):
    told: list[int] = []
    found = measure_files(paths, cache=cache, folder=tmp_path, progress=told.append, workers=3)
    assert sum(told) == len(paths)
    return found


def facts_of(content: bytes, suffix: str = ".jpg"):
    return measure(io.BytesIO(content), len(content), suffix)["facts"]


def odd(facts) -> set[str]:
    return {name for name, found in found_in(facts["oddities"]).items() if found}


@pytest.fixture
def photos(tmp_path: Path, make_photo) -> list[Path]:
    """30 photos of different sizes, of which 4, 11 and 29 cannot be used."""
    folder = tmp_path / "photos"
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(30)]
    for number, path in enumerate(paths):
        make_photo(number, 40 + number, 50).save(path)
    paths[4].write_bytes(b"")
    paths[11].write_bytes(paths[11].read_bytes()[:300])
    paths[29].unlink()
    return paths


def test_measured_in_order_and_the_bad_ones_as_when_checking(photos, tmp_path) -> None:
    found = measured(photos, tmp_path)
    assert list(found.bad_files) == check_files(photos, cache=None)
    assert [bad.path for bad in found.bad_files] == [photos[4], photos[11], photos[29]]
    expected = [number for number in range(30) if number not in {4, 11, 29}]
    assert found.indices.tolist() == expected
    assert found.facts["width"].tolist() == [40 + number for number in expected]
    assert set(found.facts["height"]) == {50}
    assert found.fingerprints.dtype == FINGERPRINT
    assert len(found.fingerprints) == len(found) == 27


def test_a_second_time_no_file_is_opened(photos, tmp_path, monkeypatch) -> None:
    cache = tmp_path / "cache" / "facts.sqlite"
    first = measured(photos, tmp_path, cache)
    opened: list[Path] = []
    real = module.opened_file

    def spy(path):
        opened.append(path)
        return real(path)

    monkeypatch.setattr(module, "opened_file", spy)
    (tmp_path / "again").mkdir()
    second = measured(photos, tmp_path / "again", cache)
    assert opened == [photos[29]]  # what is missing is looked for each time
    assert second.facts.tobytes() == first.facts.tobytes()
    assert second.fingerprints.tobytes() == first.fingerprints.tobytes()
    assert second.bad_files == first.bad_files
    opened.clear()
    os.utime(photos[7], ns=(1, 1))
    Image.new("RGB", (9, 8)).save(photos[11])
    (tmp_path / "third").mkdir()
    third = measured(photos, tmp_path / "third", cache)
    assert sorted(opened) == sorted([photos[7], photos[11], photos[29]])
    assert 9 in third.facts["width"]


def test_findings_of_another_layout_are_measured_anew(photos, tmp_path, monkeypatch) -> None:
    cache = tmp_path / "facts.sqlite"
    first = measured(photos, tmp_path, cache)
    assert 0 < module.LAYOUT < 2**20
    monkeypatch.setattr(module, "LAYOUT", module.LAYOUT + 1)
    (tmp_path / "again").mkdir()
    assert measured(photos, tmp_path / "again", cache).facts.tobytes() == first.facts.tobytes()


MORE = """
from shelfmind.analysis.measuring.measures import MEASURES, Measure
if {add}:
    MEASURES["greenness"] = Measure(lambda look: 0.0)
from shelfmind.analysis.measuring.measurement import LAYOUT
print(LAYOUT)
"""


def test_a_further_measure_makes_another_layout() -> None:
    layouts = [
        int(subprocess.run([sys.executable, "-c", MORE.format(add=add)], capture_output=True, check=True).stdout)
        for add in (False, True)
    ]
    assert layouts[0] == module.LAYOUT != layouts[1]


def test_nothing_usable(tmp_path) -> None:
    (tmp_path / "a.jpg").write_text("text")
    found = measured([tmp_path / "a.jpg"], tmp_path)
    assert len(found) == 0
    assert found.bad_files[0].reason == "not an image"


def test_figures_of_a_known_image(encode) -> None:
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[:, :10] = (200, 100, 40)
    facts = facts_of(encode(Image.fromarray(pixels), "PNG"), ".png")
    assert (facts["width"], facts["height"]) == (40, 30)
    assert facts["mean"].tolist() == [50, 25, 10]
    assert facts["square"].tolist() == [10000, 2500, 400]
    assert odd(facts) == set()


def test_a_turned_photo_is_measured_upright(make_photo, encode) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = make_photo(0, 90, 60)
    facts = facts_of(encode(photo, exif=exif))
    assert (facts["width"], facts["height"]) == (60, 90)
    assert odd(facts) == {"turned"}
    upright = measure(io.BytesIO(encode(photo, exif=exif)), 1, ".jpg")["fingerprint"]["luma"].astype(int)
    by_hand = measure(io.BytesIO(encode(photo.rotate(-90, expand=True))), 1, ".jpg")["fingerprint"]["luma"].astype(int)
    assert np.abs(upright - by_hand).mean() < 3


def test_a_large_jpeg_keeps_its_true_size_and_measures(make_photo, encode) -> None:
    large = make_photo(3, 1800, 1500)
    whole = facts_of(encode(large, quality=95))
    half = facts_of(encode(large.resize((900, 750), Image.Resampling.BOX), quality=95))
    assert (whole["width"], whole["height"]) == (1800, 1500)
    for name in ("blur", "luma", "contrast", "edges"):
        assert whole[name] == pytest.approx(half[name], rel=0.05, abs=0.02)


def test_a_large_jpeg_that_is_cut_is_bad_as_when_checking(make_photo, encode, tmp_path) -> None:
    content = encode(make_photo(3, 1800, 1500), quality=90)
    path = tmp_path / "cut.jpg"
    path.write_bytes(content[: len(content) * 2 // 3])
    assert measured([path], tmp_path).bad_files == tuple(check_files([path], cache=None))


def deepened(photo: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(photo)[..., 0].astype(np.uint16) * 257)


@pytest.mark.parametrize(
    ("kind", "suffix", "change", "expected"),
    [
        ("JPEG", ".jpg", lambda photo: photo.convert("CMYK"), {"unusual colours"}),
        ("PNG", ".png", lambda photo: photo.convert("RGBA"), {"transparent"}),
        ("PNG", ".png", lambda photo: photo.convert("P"), set()),
        ("PNG", ".png", lambda photo: photo.convert("L"), set()),
        ("PNG", ".png", deepened, {"deep greyscale"}),
        ("PNG", ".jpg", lambda photo: photo, {"extension of another format"}),
        ("JPEG", ".jpeg", lambda photo: photo, set()),
    ],
)  # fmt: skip
def test_odd_files(kind, suffix, change, expected, make_photo, encode) -> None:
    assert odd(facts_of(encode(change(make_photo(0)), kind), suffix)) == expected


def test_animations(make_photo, encode) -> None:
    frames = [make_photo(seed, 30, 30) for seed in range(3)]
    assert odd(facts_of(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]), ".gif")) == {"animated"}
    assert odd(facts_of(encode(frames[0], "GIF"), ".gif")) == set()
    camera = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])  # a JPEG with previews
    assert odd(facts_of(camera, ".jpg")) == set()


def test_digests_tell_files_and_pixels_apart(make_photo, encode) -> None:
    photo = make_photo(0)
    one, other = facts_of(encode(photo, "PNG"), ".png"), facts_of(encode(photo, "PNG", compress_level=1), ".png")
    assert one["pixel_digest"] == other["pixel_digest"]
    assert one["file_digest"] != other["file_digest"]
    wide = facts_of(encode(Image.new("RGB", (4, 2)), "PNG"), ".png")
    tall = facts_of(encode(Image.new("RGB", (2, 4)), "PNG"), ".png")
    assert wide["pixel_digest"] != tall["pixel_digest"]


def test_what_is_no_image_is_bad() -> None:
    with pytest.raises(BadImage):
        facts_of(b"nothing")


def test_photos_of_phones_have_their_suffixes(make_photo) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(make_photo(0)).save(buffer)
    facts = facts_of(buffer.getvalue(), ".heic")
    assert odd(facts) == set()
    assert odd(facts_of(buffer.getvalue(), ".jpg")) == {"extension of another format"}
    assert format_names(np.array([facts["format"]])) == {"HEIF": 1}
    assert (facts["width"], facts["height"]) == make_photo(0).size


def test_formats_are_counted(encode, make_photo) -> None:
    photo = make_photo(0, 20, 20)
    files = [encode(photo, "PNG"), encode(photo, "BMP"), encode(photo, "PNG")]
    facts = np.array([facts_of(content) for content in files], FACTS)
    assert format_names(facts["format"]) == {"PNG": 2, "BMP": 1}

"""Every kind of image file opens as upright 8-bit RGB or names its reason."""

from __future__ import annotations

import importlib.util
import io
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from shelfmind.errors import UserError
from shelfmind.images import decoding as images
from shelfmind.images.decoding import BadImage, open_image, open_stored, upright_size

REASONS = {"zero bytes", "not an image", "header truncated or damaged", "truncated", "damaged", "too many pixels"}
HAS_HEIF = importlib.util.find_spec("pillow_heif") is not None
HEIC_START = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf"
RED, BLUE = (200, 30, 30), (30, 30, 200)


def two_colours(size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    return image


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    if format == "HEIF":  # not by Pillow, which is to learn it from `open_image`
        import pillow_heif

        frames = pillow_heif.from_pillow(image)
        for frame in options.pop("append_images", ()):  # type: ignore[attr-defined]
            frames.add_from_pillow(frame)
        frames.save(buffer, **options)
    else:
        image.save(buffer, format, **options)
    return buffer.getvalue()


def assert_near(pixel: object, colour: tuple[int, int, int], tolerance: int = 12) -> None:
    assert np.abs(np.subtract(pixel, colour)).max() <= tolerance, (pixel, colour)  # type: ignore[call-overload]


def reason_of(source: Path | bytes) -> str:
    with pytest.raises(BadImage) as caught:
        open_image(source)
    return caught.value.reason


AVIF = pytest.param("AVIF", marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF"))
HEIF = pytest.param("HEIF", marks=pytest.mark.skipif(not HAS_HEIF, reason="pillow-heif is not installed"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", AVIF, HEIF])
def test_every_format_opens_from_bytes_and_from_a_file(format: str, tmp_path: Path) -> None:
    content = encoded(two_colours(), format)
    path = tmp_path / "截屏2019-12-09下午7.49.21.png"  # the suffix does not decide
    path.write_bytes(content)
    for source in (content, path):
        image = open_image(source)
        assert (image.mode, image.size) == ("RGB", (40, 20))
        assert_near(image.getpixel((5, 10)), RED)
        assert_near(image.getpixel((35, 10)), BLUE)
        assert image.info == {}


@pytest.mark.parametrize("format", ["JPEG", "MPO", "PNG", "WEBP", "TIFF", AVIF, HEIF])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_honoured(orientation: int, format: str, tmp_path: Path) -> None:
    upright = two_colours()
    upright.paste((30, 200, 30), (0, 0, 20, 10))  # a corner, so that mirrored and rotated differ
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(stored, format, exif=exif.tobytes(), **({"quality": 95} if format != "TIFF" else {}))
    image = open_image(content)
    assert image.size == upright.size
    (tmp_path / "photo").write_bytes(content)
    assert upright_size(tmp_path / "photo") == upright.size
    _, facts = open_stored(io.BytesIO(content), len(content), None)
    assert (facts.width, facts.height) == upright.size
    for place in ((5, 3), (5, 16), (35, 3), (35, 16)):
        assert_near(image.getpixel(place), upright.getpixel(place), 25)  # type: ignore[arg-type]


def test_broken_exif_does_not_make_the_pixels_bad() -> None:
    content = encoded(two_colours(), "JPEG")
    broken = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x1a\x01\x05\0\xff\xff\0\0\xff\xff\xff\xff"
    segment = b"\xff\xe1" + struct.pack(">H", len(broken) + 2) + broken
    image = open_image(content[:2] + segment + content[2:])
    assert image.size == (40, 20)


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHII", 0x0100, 11, 1, 0x7FC00000),  # a width that is not a number
        struct.pack("<HHII", 0x0100, 9, 1, 0xFFFFFFFF),  # a negative width
        struct.pack("<HHII", 0x0102, 8, 1, 0xFFFF),  # a negative depth
    ],
)
def test_an_exif_block_that_cannot_be_written_anew_still_turns_the_image(entry: bytes) -> None:
    content = encoded(two_colours(), "JPEG")
    turned = struct.pack("<HHII", 0x0112, 3, 1, 6)
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + turned + entry + bytes(20)
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    image = open_image(content[:2] + segment + content[2:])
    assert image.size == (20, 40)
    assert_near(image.getpixel((10, 5)), RED)
    assert image.info == {}


def test_cmyk_and_inverted_cmyk() -> None:
    image = open_image(encoded(two_colours().convert("CMYK"), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert_near(image.getpixel((5, 10)), RED, 25)  # Pillow writes Adobe's inverted CMYK
    image = open_image(encoded(two_colours().convert("CMYK"), "TIFF"))
    assert_near(image.getpixel((35, 10)), BLUE, 25)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_not_clipped(format: str) -> None:
    ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)[None, :].repeat(4, axis=0)
    image = open_image(encoded(Image.fromarray(ramp), format))
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image)[0, :, 0], np.arange(256))


def test_dark_sixteen_bit_png_stays_dark() -> None:
    image = open_image(encoded(Image.fromarray(np.full((4, 4), 200, np.uint16)), "PNG"))
    assert image.getpixel((0, 0)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 0.5, 1.0], [0, 128, 255]), ([0.0, 100.0, 255.0], [0, 100, 255]), ([-1.0, 0.0, 1.0], [0, 128, 255])],
)
def test_float_and_32_bit_grey_are_scaled_by_their_range(values: list[float], expected: list[int]) -> None:
    image = open_image(encoded(Image.fromarray(np.array([values], np.float32)), "TIFF"))
    assert np.abs(np.asarray(image)[0, :, 0].astype(int) - expected).max() <= 1
    whole = open_image(encoded(Image.fromarray(np.array([[0, 65535]], np.int32)), "TIFF"))
    assert np.asarray(whole)[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize("value", [0.0, float("nan"), -3.0])
def test_constant_float_image(value: float) -> None:
    image = open_image(encoded(Image.fromarray(np.full((2, 2), value, np.float32)), "TIFF"))
    assert image.mode == "RGB"


def test_palette_with_and_without_transparency() -> None:
    palette = two_colours().quantize(4)
    assert_near(open_image(encoded(palette, "PNG")).getpixel((5, 10)), RED)
    index = palette.getpixel((35, 10))
    see_through = open_image(encoded(palette, "PNG", transparency=index))
    assert_near(see_through.getpixel((5, 10)), RED)
    assert see_through.getpixel((35, 10)) == images.BACKGROUND


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_on_white_or_the_colour_given(mode: str) -> None:
    content = encoded(Image.new(mode, (4, 4), (10, 20, 30, 0) if mode == "RGBA" else (10, 0)), "PNG")
    assert open_image(content).getpixel((1, 1)) == (255, 255, 255)
    assert open_image(content, background=(9, 8, 7)).getpixel((1, 1)) == (9, 8, 7)
    opaque = encoded(Image.new("RGBA", (4, 4), (10, 20, 30, 255)), "PNG")
    assert open_image(opaque).getpixel((1, 1)) == (10, 20, 30)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_transparent_colour_of_a_png(mode: str) -> None:
    colour: int | tuple[int, int, int] = {"1": 0, "L": 7, "RGB": (1, 2, 3)}[mode]  # type: ignore[assignment]
    content = encoded(Image.new(mode, (2, 2), colour), "PNG", transparency=colour)
    assert open_image(content).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", AVIF, HEIF])
def test_animated_gives_the_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)]
    assert_near(open_image(encoded(frames[0], format, save_all=True, append_images=frames[1:])).getpixel((4, 4)), RED)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (10000, 2)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    content = encoded(Image.new("RGB", size, RED), "JPEG")
    assert open_image(content).size == size
    assert open_image(content, draft_size=(64, 64)).size == size


def test_draft_never_goes_below_twice_the_size() -> None:
    content = encoded(two_colours((1600, 1200)), "JPEG")
    assert open_image(content).size == (1600, 1200)
    assert open_image(content, draft_size=(128, 96)).size == (400, 300)
    assert open_image(content, draft_size=(700, 700)).size == (1600, 1200)
    assert open_image(encoded(two_colours((1600, 1200)), "PNG"), draft_size=(64, 64)).size == (1600, 1200)


def test_zero_bytes(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    assert reason_of(path) == reason_of(b"") == "zero bytes"


def test_text_called_jpg(tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("this is no image, whatever its name says")
    assert reason_of(path) == "not an image"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", AVIF, HEIF])
def test_truncated(format: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8))
    content = encoded(noise, format)
    for size in (len(content) // 3, len(content) // 2, len(content) * 9 // 10):
        assert reason_of(content[:size]) == "truncated"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", AVIF, HEIF])
def test_cut_in_the_header(format: str) -> None:
    assert reason_of(encoded(two_colours(), format)[:12]) in {"header truncated or damaged", "truncated"}


def test_a_damaged_png_checksum() -> None:
    content = bytearray(encoded(two_colours(), "PNG"))
    content[content.index(b"IDAT") + 6] ^= 0xFF
    assert reason_of(bytes(content)) in {"damaged", "truncated"}


def test_a_photo_of_a_phone_without_pillow_heif_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "photo.jpg"  # as some programs save them
    path.write_bytes(HEIC_START + bytes(200))
    with pytest.raises(BadImage) as caught:
        open_image(path)
    assert caught.value.reason == "needs pillow-heif: pip install 'shelfmind[heif]'"
    assert not caught.value.permanent  # it may be installed tomorrow


def test_avif_without_a_pillow_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(BadImage, match="needs a newer Pillow") as caught:
        open_image(b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B" + bytes(200))
    assert not caught.value.permanent


def test_a_film_is_not_an_image() -> None:
    assert reason_of(b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(200)) == "not an image"


@pytest.mark.parametrize("brand", [b"avif", b"mif1"])
@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_a_damaged_header_of_a_known_kind(brand: bytes) -> None:
    content = b"\0\0\0\x20ftyp" + brand + b"\0\0\0\0avifmif1miafMA1B" + b"\0\0\0\x40junk" + bytes(56)
    assert reason_of(content) == "header truncated or damaged"


@pytest.mark.skipif(not HAS_HEIF, reason="pillow-heif is not installed")
def test_a_deep_heif_becomes_8_bits() -> None:
    ramp = np.linspace(0, 65535, 64).round().astype(np.uint16)
    import pillow_heif

    buffer = io.BytesIO()
    pixels = np.repeat(np.repeat(ramp[None, :, None], 64, 0), 3, 2)
    pillow_heif.encode("RGB;16", (64, 64), np.ascontiguousarray(pixels).tobytes(), buffer, quality=100)
    image = open_image(buffer.getvalue())
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image)[5, :, 1].astype(int) - (ramp // 257)).max() <= 3


RGB = np.dstack([np.full((6, 9), value, np.uint8) for value in RED])


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (RGB, RED),
        (RGB[:, ::-1][::2], RED),
        (RGB[..., 0], (RED[0],) * 3),
        (np.dstack([RGB, np.zeros((6, 9), np.uint8)]), images.BACKGROUND),
        (np.dstack([RGB, np.full((6, 9), 255, np.uint8)]), RED),
    ],
)
def test_an_array_is_an_image_in_rgb_order(array: np.ndarray, expected: tuple[int, int, int]) -> None:
    before = array.copy()
    image = open_image(array)
    assert (image.mode, image.size) == ("RGB", array.shape[1::-1])
    assert image.getpixel((0, 0)) == expected
    image.paste((0, 0, 0), (0, 0, 9, 6))
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    "array",
    [
        *(np.zeros(shape, np.uint8) for shape in ((), (5,), (3, 8, 8), (8, 8, 1), (0, 8, 3), (2, 8, 8, 3))),
        *(np.zeros((8, 8, 3), dtype) for dtype in (np.float32, np.int64, np.uint16, np.bool_)),
    ],
)
def test_another_array_is_refused_with_what_is_expected(array: np.ndarray) -> None:
    with pytest.raises(UserError) as caught:
        open_image(array)
    message = str(caught.value)
    assert "uint8" in message
    assert "(height, width, 3)" in message
    assert f"got {array.dtype}" in message
    assert str(array.shape) in message


def test_what_is_no_image_at_all_is_refused() -> None:
    with pytest.raises(UserError, match="got int"):
        open_image(5)  # type: ignore[arg-type]


def test_decompression_bomb() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    assert reason_of(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")) == "too many pixels"


def test_large_but_allowed_images_open_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    assert open_image(encoded(two_colours(), "PNG")).size == (40, 20)  # 800 pixels: Pillow would warn
    assert reason_of(encoded(two_colours((60, 20)), "PNG")) == "too many pixels"


def test_missing_folder_pipe_and_nonsense(tmp_path: Path) -> None:
    assert reason_of(tmp_path / "none.jpg") == "missing"
    assert reason_of(tmp_path) == "not a regular file"
    assert reason_of(Path("a\0b")) == "cannot be read"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        assert reason_of(tmp_path / "pipe.jpg") == "not a regular file"
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    assert reason_of(tmp_path / "link.jpg") == "missing"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read every file")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(encoded(two_colours(), "JPEG"))
    path.chmod(0)
    assert reason_of(path) == "no permission to read"


def refusing(error: OSError) -> Callable[..., object]:
    def refuse(*_: object, **__: object) -> object:
        raise error

    return refuse


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PermissionError(13, "denied"), "no permission to read"), (OSError(5, "input/output"), "cannot be read")],
)
def test_errors_of_the_disk(error: OSError, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(two_colours(), "JPEG"))
    monkeypatch.setattr("builtins.open", refusing(error))
    with pytest.raises(BadImage) as caught:
        open_image(path)
    assert (caught.value.reason, caught.value.permanent) == (reason, False)


def test_warnings_of_other_modules_still_show() -> None:
    open_image(encoded(two_colours(), "PNG"))
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)


FUZZED = ["", "JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", *(["AVIF"] if features.check("avif") else [])]


@settings(deadline=None)  # a busy machine is not a failure
@given(st.binary(max_size=200), st.sampled_from(FUZZED), st.integers(0, 400))
def test_any_bytes_give_an_image_or_a_reason(noise: bytes, format: str, place: int) -> None:
    content = bytearray(encoded(two_colours((8, 6)), format) if format else b"")
    content[place : place + len(noise)] = noise
    try:
        outcome = open_image(bytes(content)).mode
    except BadImage as error:
        outcome = error.reason
    assert outcome in {"RGB", *REASONS}


def test_an_image_that_takes_too_much_memory_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 800)
    content = encoded(two_colours((41, 20)), "PNG")
    assert open_image(encoded(two_colours(), "PNG")).size == (40, 20)
    assert reason_of(content) == "too many pixels"
    assert open_image(content, most_pixels=1000).size == (41, 20)


def test_a_tiff_without_its_last_rows_is_damaged_not_black() -> None:
    """As if its height were far larger: Pillow fills the rest of the image, however large that is."""
    content = bytearray(encoded(two_colours(), "TIFF"))
    height = content.index(struct.pack("<HHI", 257, 4, 1)) + 8
    assert struct.unpack_from("<I", content, height) == (20,)
    struct.pack_into("<I", content, height, 200)
    assert reason_of(bytes(content)) == "damaged"


@pytest.mark.parametrize("size", [(40, 20), (20, 40)])
@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_a_tiff_on_its_side_has_all_its_rows(orientation: int, size: tuple[int, int]) -> None:
    image = open_image(encoded(two_colours(size), "TIFF", tiffinfo={0x0112: orientation}))
    assert image.size == (size if orientation == 1 else size[::-1])


@pytest.mark.parametrize("mode", ["RGBA", "P", "F"])
def test_tall_images_are_converted_like_small_ones(mode: str) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (700, 3, 4), np.uint8)
    tall = Image.fromarray(pixels[..., 0].astype(np.float32)) if mode == "F" else Image.fromarray(pixels)
    tall = tall.quantize(16) if mode == "P" else tall
    if mode == "P":
        tall.info["transparency"] = 3
    whole = np.asarray(open_image(tall))
    for top in range(0, 700, 100):
        part = tall.crop((0, top, 3, top + 100))
        if mode != "F" or np.asarray(part).max() == np.asarray(tall).max():
            assert np.array_equal(np.asarray(open_image(part)), whole[top : top + 100])

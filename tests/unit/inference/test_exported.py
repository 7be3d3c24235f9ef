"""An exported file is one of its format with what belongs to it behind; what is damaged or foreign is refused."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.inference.carriers import archived, unpacked
from shelfmind.inference.classifier import Classifier
from shelfmind.inference.exported import CARRIERS, FORMAT, read_exported, write_exported
from shelfmind.recipe import Recipe

NETWORKS = {
    "onnx": b"\x08\x08\x3a\x03\x0a\x01x",
    "mindir": b"\x0a\x031.0\x3a\x03\x0a\x01x",
    "openvino": archived({"network.xml": b"<net/>", "network.bin": b"\x00\x01"}),
}
"""The beginning of a model of each format: its version, and a field of three bytes; or two files."""
FACTS = {
    "recipe": Recipe().model_dump(mode="json"),
    "class_names": ["可乐 330ml", "雪碧"] * 60,
    "train_images": [3, 4] * 60,
    "weights": "abc",
    "width": 4,
    "precision": "fp32",
    "temperatures": [[["flip"], 1.5]],
    "parity": {},
}


@pytest.fixture(params=CARRIERS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path, form: str) -> Path:
    written = tmp_path / f"货架.{form}"
    write_exported(written, form, NETWORKS[form], FACTS, Classifier(np.eye(4, dtype=np.float32), scale=30.0))
    return written


def test_what_was_written_is_read(path: Path, form: str) -> None:
    found = read_exported(path)
    assert found.format == form
    assert found.class_names == ("可乐 330ml", "雪碧") * 60
    assert found.recipe == Recipe()
    assert (found.temperature(("flip",)), found.temperature(())) == (1.5, 1.0)
    assert found.classifier is not None
    assert found.classifier.scale == 30.0
    np.testing.assert_array_equal(found.classifier.weight, np.eye(4))
    if form == "openvino":
        assert unpacked(found.content, ("network.xml", "network.bin")) == [b"<net/>", b"\x00\x01"]
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
    else:
        assert found.content.startswith(NETWORKS[form])


def test_every_export_has_its_own_checksum(path: Path, form: str) -> None:
    found = [read_exported(path).checksum]
    for facts in (FACTS, {**FACTS, "width": 5}, {**FACTS, "width": 5}):
        write_exported(path, form, NETWORKS[form], facts, None)
        found.append(read_exported(path).checksum)
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in found)
    assert len(set(found)) == 3
    assert found[2] == found[3]


def test_every_flipped_byte_is_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 97):
        content[place] ^= 1
        path.write_bytes(bytes(content))
        with pytest.raises(UserError, match=r"damaged|is not an export of shelfmind"):
            read_exported(path)
        content[place] ^= 1


def test_a_file_of_anything_is_refused_at_once(path: Path) -> None:
    path.write_bytes(b"\xff" * 2_000_000)  # one number without an end, which took minutes to read
    with pytest.raises(UserError, match="is not an export of shelfmind"):
        read_exported(path)


@pytest.mark.parametrize("keep", [0, 5, 300, -1])
def test_a_file_that_is_cut_off_or_foreign_is_refused(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="is not an export of shelfmind"):
        read_exported(path)


def test_another_model_a_picture_and_nothing_are_refused(tmp_path: Path) -> None:
    for content in (*NETWORKS.values(), b"\xff\xd8\xff\xe0 a picture", b"PK\x03\x04"):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(UserError, match="is not an export of shelfmind"):
            read_exported(tmp_path / "other")
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_exported(tmp_path / "nothing")


def test_a_newer_format_is_refused(tmp_path: Path, form: str) -> None:
    write_exported(tmp_path / "new", form, NETWORKS[form], {**FACTS, "format": FORMAT + 1}, None)
    with pytest.raises(UserError, match="written by a newer shelfmind"):
        read_exported(tmp_path / "new")

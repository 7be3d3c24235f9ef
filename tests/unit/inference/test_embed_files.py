"""Embeddings in Parquet: one row per image in order, resumed after an interruption, unusable files named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.inference import embed_files as module
from shelfmind.inference.embed_files import embed_files
from shelfmind.inference.parts import Parts, plan_of
from shelfmind.inference.predictor import EXACT, Batch, Predictor, load
from shelfmind.requests.watching import Observer

pytest.importorskip("onnxruntime")
parquet: Any = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install 'shelfmind[parquet]'")


@pytest.fixture
def photos(tiny: Any, tmp_path: Path) -> Path:
    """A data set of three classes of four photos."""
    for name, colour in tiny.COLOURS.items():
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True)
        for number in range(4):
            (folder / f"照片 {number}.jpg").write_bytes(tiny.encoded(colour, number))
    return tmp_path / "photos"


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parquet.ParquetFile(path).read().to_pylist()
    return found


@pytest.mark.parametrize("part_size", [1, 5, 100])
def test_every_image_has_a_row_in_order_whatever_the_parts(
    network: Path, photos: Path, tmp_path: Path, part_size: int
) -> None:
    out = tmp_path / "out.parquet"
    outcome = embed_files(network, [str(photos)], out=out, part_size=part_size)
    expected = [batch.embeddings for batch in load(network, ()).of_sources(sorted(photos.rglob("*.jpg")))]
    found = rows(out)
    assert [row["path"] for row in found] == [str(path) for path in sorted(photos.rglob("*.jpg"))]
    np.testing.assert_allclose([row["embedding"] for row in found], np.concatenate(expected), rtol=1e-5, atol=1e-6)
    assert all(row["error"] is None for row in found)
    assert (outcome.images, outcome.width) == (12, np.concatenate(expected).shape[1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.parquet", "photos", "tiny.onnx"]


def test_a_data_set_adds_classes_and_splits(network: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    embed_files(network, data=photos, out=out, dtype="float16")
    found = rows(out)
    assert {(Path(row["path"]).parent.name, row["class"]) for row in found} == {
        (name, name) for name in ("红茶", "绿茶", "blue soda")
    }
    assert {row["split"] for row in found} == {"train"} | {row["split"] for row in found}
    assert str(parquet.read_schema(out).field("embedding").type).startswith("list<element: halffloat")


def test_values_beyond_16_bits_are_limited(
    network: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = Predictor.of_sources

    def larger(self: Predictor, sources: Any) -> Iterator[Batch]:
        for batch in predict(self, sources):
            yield replace(batch, embeddings=1e6 * batch.embeddings)

    monkeypatch.setattr(Predictor, "of_sources", larger)
    out = tmp_path / "out.parquet"
    embed_files(network, [str(photos)], out=out, dtype="float16")
    found = np.array([row["embedding"] for row in rows(out)], np.float64)
    assert np.isfinite(found).all()
    assert np.abs(found).max() == 65504


def test_unusable_files_keep_their_row_with_the_reason(network: Path, photos: Path, tmp_path: Path) -> None:
    (photos / "红茶" / "照片 0.jpg").write_bytes(b"no image")
    out = tmp_path / "out.parquet"
    outcome = embed_files(network, [str(photos)], out=out, part_size=1)
    bad = [row for row in rows(out) if row["error"] is not None]
    assert [(Path(row["path"]).name, row["error"], row["embedding"]) for row in bad] == [
        ("照片 0.jpg", "not an image", None)
    ]
    assert [file.reason for file in outcome.bad_files] == ["not an image"]
    assert "not an image" in (tmp_path / "out.parquet.bad_files.csv").read_text(encoding="utf-8")
    (photos / "红茶" / "照片 0.jpg").write_bytes((photos / "红茶" / "照片 1.jpg").read_bytes())
    embed_files(network, [str(photos)], out=out)
    assert not (tmp_path / "out.parquet.bad_files.csv").exists()


def test_an_interrupted_job_resumes_with_its_finished_parts(
    network: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "out.parquet", tmp_path / "whole.parquet"
    embed_files(network, [str(photos)], out=whole, part_size=2)
    made: list[int] = []
    table = module._table

    def count(predictor: Any, items: Any, *rest: Any) -> Any:
        made.append(len(items))
        return table(predictor, items, *rest)

    monkeypatch.setattr(module, "_table", count)

    class Stop(Observer):
        def counter(self, what: str, total: int | None, unit: str = "images") -> Any:
            done = 0

            def progress(more: int) -> None:
                nonlocal done
                done += more
                if done == 6:
                    raise KeyboardInterrupt

            return progress

    with pytest.raises(KeyboardInterrupt):
        embed_files(network, [str(photos)], out=out, part_size=2, watcher=Stop())
    assert made == [2, 2, 2]
    assert not out.exists()
    with pytest.raises(UserError, match=r"was started with other settings \(dtype\); use the same ones"):
        embed_files(network, [str(photos)], out=out, part_size=2, dtype="float16")
    photo = next(photos.rglob("*.jpg"))
    before = photo.stat()
    os.utime(photo)
    with pytest.raises(UserError, match=r"the images of .+ have changed since .+ was started; choose another out"):
        embed_files(network, [str(photos)], out=out, part_size=2)
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    embed_files(network, [str(photos)], out=out, part_size=2)
    assert made == [2] * 6
    assert out.read_bytes() == whole.read_bytes()
    assert not out.with_name("out.parquet.parts").exists()


@pytest.mark.parametrize("folder", ["run=3", "date=2026-01-05", "path=a"])
def test_a_folder_named_like_a_partition_adds_no_column(
    network: Path, photos: Path, tmp_path: Path, folder: str
) -> None:
    out = tmp_path / folder / "out.parquet"
    out.parent.mkdir()
    embed_files(network, [str(photos / "红茶")], out=out, part_size=3)
    assert parquet.read_schema(out).names == ["path", "embedding", "error"]
    assert [row["path"] for row in rows(out)] == [str(path) for path in sorted((photos / "红茶").iterdir())]


def test_parts_of_a_file_that_was_exported_again_are_not_continued(tiny: Any, network: Path, tmp_path: Path) -> None:
    def parts() -> Parts:
        return Parts(tmp_path / "out.parquet", plan_of(load(network), [], "photos", EXACT, 4), ".parquet")

    parts().open()
    parts().open()
    tiny.write_network(network, -tiny.WEIGHTS)
    with pytest.raises(UserError, match=r"was started with other settings \(engine\)"):
        parts().open()


def test_a_folder_with_other_files_is_no_place_for_parts(network: Path, photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "out.parquet.parts" / "notes.txt"
    other.parent.mkdir()
    other.touch()
    with pytest.raises(UserError, match=r"out\.parquet\.parts also contains notes\.txt, which would be lost"):
        embed_files(network, [str(photos)], out=tmp_path / "out.parquet")
    assert other.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"out": "out.csv"}, "must be a file name ending in .parquet, got out.csv"),
        ({"paths": ["nowhere"]}, "nowhere: no such file or folder"),
        ({"paths": []}, "give either images or data"),
        ({"dtype": "float64"}, "dtype must be float32 or float16"),
        ({"part_size": 0}, "part_size must be at least 1"),
    ],
)
def test_mistakes_are_errors(
    network: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        embed_files(network, **{"paths": [str(photos)], "out": "out.parquet", **arguments})
    assert not Path("out.parquet").exists()

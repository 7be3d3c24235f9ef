"""Catalogs, predictions and the comparison of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.records import UNLABELLED, BadFile, Catalog, Predictions, Sample, require_same_classes

SAMPLES = (
    Sample(Path("b.jpg"), 1, "train"),
    Sample(Path("a.jpg"), 0, "val"),
    Sample(Path("c.jpg"), 1, "train"),
)


def some_predictions() -> Predictions:
    return Predictions(
        paths=("货架/可乐（罐）.jpg", "b.jpg"),
        labels=np.array([1, UNLABELLED]),
        probabilities=np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2]], np.float32),
        embeddings=np.arange(8, dtype=np.float32).reshape(2, 4),
        class_names=("一", "二", "三"),
    )


def test_a_split_keeps_the_catalogs_order() -> None:
    catalog = Catalog(SAMPLES, ("x", "y", "z"), Path("/"), "folder")
    assert [sample.path.name for sample in catalog.split("train")] == ["b.jpg", "c.jpg"]
    assert catalog.split("test") == ()
    assert catalog.class_counts("train").tolist() == [0, 2, 0]
    assert catalog.class_counts("test").tolist() == [0, 0, 0]


def test_bad_files_leave_a_catalog_and_nothing_else_changes() -> None:
    catalog = Catalog(SAMPLES, ("x", "y"), Path("/"), "folder", ("note",))
    without = catalog.without([BadFile(Path("b.jpg"), "truncated")])
    assert without.samples == SAMPLES[1:]
    assert (without.class_names, without.notes, without.format) == (("x", "y"), ("note",), "folder")


def test_predictions_are_read_back_as_written(tmp_path: Path) -> None:
    given = some_predictions()
    given.save(tmp_path / "p.npz")
    read = Predictions.load(tmp_path / "p.npz")
    assert (read.paths, read.class_names, len(read)) == (given.paths, given.class_names, 2)
    for name in ("labels", "probabilities", "embeddings"):
        np.testing.assert_array_equal(getattr(read, name), getattr(given, name))
        assert getattr(read, name).dtype == getattr(given, name).dtype


def test_the_top_classes_come_best_first_and_ties_by_id() -> None:
    assert some_predictions().top(2).tolist() == [[1, 2], [0, 1]]
    assert some_predictions().top(9).shape == (2, 3)


def test_unequal_lengths_are_refused() -> None:
    good = some_predictions()
    with pytest.raises(ValueError, match="unequal"):
        Predictions(good.paths[:1], good.labels, good.probabilities, good.embeddings, good.class_names)
    with pytest.raises(ValueError, match="unequal"):
        Predictions(good.paths, good.labels, good.probabilities, good.embeddings, good.class_names[:2])


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut", b"\x93NUMPY"])
def test_a_file_that_holds_no_predictions_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(UserError, match="not a predictions file"):
        Predictions.load(tmp_path / "p.npz")


def test_a_cut_or_changed_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    some_predictions().save(path)
    whole = path.read_bytes()
    for length in range(1, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="not a predictions file"):
            Predictions.load(path)
    np.save(tmp_path / "array.npz.npy", np.zeros(3))
    with pytest.raises(UserError, match="not a predictions file"):
        Predictions.load(tmp_path / "array.npz.npy")


def test_a_missing_array_or_file_or_a_pickle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a predictions file"):
        Predictions.load(tmp_path / "none.npz")
    np.savez(tmp_path / "p.npz", paths=np.array(["a"]))
    with pytest.raises(UserError, match="not a predictions file"):
        Predictions.load(tmp_path / "p.npz")
    np.savez(tmp_path / "p.npz", paths=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="not a predictions file"):
        Predictions.load(tmp_path / "p.npz")


def test_classes_that_differ_are_named() -> None:
    require_same_classes(("a", "b"), ["a", "b"], "here")
    with pytest.raises(UserError, match=r"1 unknown to the run \(c\); 1 missing in the data \(a\)"):
        require_same_classes(("a", "b"), ("b", "c"), "here")
    with pytest.raises(UserError, match="another order"):
        require_same_classes(("a", "b"), ("b", "a"), "here")
    many = [f"n{number}" for number in range(9)]
    with pytest.raises(UserError, match=r"9 missing .*n0, n1, n2, n3, n4 and 4 more"):
        require_same_classes(("a", *many), ("a",), "here")

"""Catalogs, predictions and the comparison of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.records import (
    UNLABELLED,
    BadFile,
    Catalog,
    Predictions,
    Sample,
    require_same_classes,
    with_classes_of_run,
)

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


def test_what_numpy_wrote_is_read_and_what_is_written_numpy_reads(tmp_path: Path) -> None:
    """Files of earlier versions stay readable, with and without the seconds; any program reads ours."""
    given = some_predictions()
    arrays = {name: getattr(given, name) for name in ("labels", "probabilities", "embeddings")}
    texts = {"paths": np.array(given.paths), "class_names": np.array(given.class_names)}
    np.savez_compressed(tmp_path / "old.npz", **arrays, **texts)
    assert Predictions.load(tmp_path / "old.npz").paths == given.paths
    given.save(tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz", allow_pickle=False) as archive:
        assert set(archive) == {*arrays, *texts, "seconds"}
        assert archive["paths"].tolist() == list(given.paths)
        assert archive["probabilities"].flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("count", [0, 1, 40_000])
def test_any_number_of_rows_comes_back_in_any_order_of_memory(count: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    given = Predictions(
        paths=tuple(f"照片 {number}" for number in range(count)),
        labels=np.arange(count)[::-1],
        probabilities=np.asfortranarray(generator.random((count, 3), np.float32)),
        embeddings=generator.random((count, 8), np.float32)[:, ::2],
        class_names=("a", "b", "c"),
        seconds=1.5,
    )
    given.save(tmp_path / "p.npz")
    read = Predictions.load(tmp_path / "p.npz")
    assert (read.paths, read.seconds) == (given.paths, 1.5)
    for name in ("labels", "probabilities", "embeddings"):
        np.testing.assert_array_equal(getattr(read, name), getattr(given, name))


def test_the_top_classes_come_best_first_and_ties_by_id() -> None:
    assert some_predictions().top(2).tolist() == [[1, 2], [0, 1]]
    assert some_predictions().top(9).shape == (2, 3)


def test_unequal_lengths_are_refused() -> None:
    good = some_predictions()
    with pytest.raises(ValueError, match="for each row"):
        Predictions(good.paths[:1], good.labels, good.probabilities, good.embeddings, good.class_names)
    with pytest.raises(ValueError, match="for each row"):
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


def test_a_part_of_the_classes_gets_the_run_s_ids_by_name() -> None:
    labels = [0, 1, UNLABELLED]
    samples = tuple(Sample(Path(f"{place}.jpg"), label, "test") for place, label in enumerate(labels))
    catalog = Catalog(samples, ("b", "d"), Path("photos"), "folder", ("before",), frozenset({"test"}))
    mapped = with_classes_of_run(catalog, ("a", "b", "c", "d"))
    assert mapped.class_names == ("a", "b", "c", "d")
    assert [sample.label for sample in mapped.samples] == [1, 3, UNLABELLED]
    assert mapped.named_splits == {"test"}
    assert mapped.notes == ("before", "2 of the run's 4 classes are in this data set; missing: a, c")
    one = Catalog(samples[:1], ("b",), Path("photos"), "folder")
    assert with_classes_of_run(one, ("a", "b")).notes[0].startswith("1 of the run's 2 classes is in this data set")


def test_all_classes_stay_as_they_are_and_unknown_ones_are_refused() -> None:
    samples = Sample(Path("1.jpg"), 0, "test"), Sample(Path("2.jpg"), 1, "test")
    catalog = Catalog(samples, ("a", "b"), Path("photos"), "folder")
    assert with_classes_of_run(catalog, ("a", "b")) == catalog
    assert with_classes_of_run(catalog, ("b", "a")).samples[0].label == 1
    with pytest.raises(UserError, match=r"the classes of photos .* 1 unknown to the run \(b\)"):
        with_classes_of_run(catalog, ("a", "c"))

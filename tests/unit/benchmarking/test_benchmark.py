"""What a benchmark measures the whole command with, and that nothing that fails costs what was measured."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from shelfmind.benchmarking import benchmark as module
from shelfmind.benchmarking.benchmark import Benchmark, benchmark
from shelfmind.benchmarking.processes import CompletedCommand
from shelfmind.benchmarking.subjects import Subject
from shelfmind.errors import UserError
from shelfmind.recipe import Recipe

ENGINES = ("mindspore", "onnx fp32 of onnx")


class FakeWorker:
    """Takes a millisecond for each call; the one of an engine in `dying` dies in the second round."""

    dying: tuple[str, ...] = ()
    started: Sequence[str] = ()

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.engine, self.facts, self.calls = wanted["engine"], {"engine": wanted["engine"]}, 0
        type(self).started = [*self.started, self.engine]

    def milliseconds(self, batch: str, seconds: float) -> list[float]:
        self.calls += 1
        if self.calls == 2 and self.engine in self.dying:
            raise UserError("a benchmark process exited with status -9: no output")
        return [1.0]

    def close(self) -> None:
        pass


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[Path]]]:
    """No processes; the photos that each engine's commands were given, the single ones first."""
    found: dict[str, list[list[Path]]] = {name: [] for name in ENGINES}

    def run_predict(place: Path, engine: str, photos: Sequence[Path], folder: Path) -> CompletedCommand:
        found[engine].append(list(photos))
        return CompletedCommand(1.0, 100.0)

    subjects = [Subject(name, Path(), name) for name in ENGINES]
    monkeypatch.setattr(module, "subjects_of", lambda place: (subjects, []))
    monkeypatch.setattr(module, "run_predict", run_predict)
    monkeypatch.setattr(module, "Worker", FakeWorker)
    monkeypatch.setattr(FakeWorker, "dying", ())
    monkeypatch.setattr(FakeWorker, "started", ())
    return found


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(Recipe().dump())
    (folder / "weights.ckpt").touch()
    return folder


@pytest.fixture
def photos(tmp_path: Path, make_photo: Any, encode: Any) -> Path:
    """Two classes of two photos."""
    for name in ("cola", "tea"):
        for number in range(2):
            photo = tmp_path / "photos" / name / f"{name} {number}.jpg"
            photo.parent.mkdir(parents=True, exist_ok=True)
            photo.write_bytes(encode(make_photo(number, 20, 16)))
    return tmp_path / "photos"


def trained_on(run: Path, data: Path | str, form: str) -> None:
    (run / "provenance.json").write_text(json.dumps({"data": {"path": str(data), "format": form}}))


def of_a_list(run: Path, photos: Path, packing: Any = None) -> tuple[Path, str]:
    path = run / "list.csv"
    with open(path, "w", newline="") as stream:
        rows = [("path", "label", "split"), *((str(p), p.parent.name, "train") for p in photos.rglob("*.jpg"))]
        csv.writer(stream).writerows(rows)
    return path, "csv"


def of_a_shard(run: Path, photos: Path, packing: Any) -> tuple[Path, str]:
    labelled = [(each.name, each.read_bytes(), each.parent.name) for each in photos.rglob("*.jpg")]
    return packing.pack_labelled_tar(run.parent / "train-000.tar", labelled), "webdataset"


def of_folders(run: Path, photos: Path, packing: Any) -> tuple[Path, str]:
    return photos, "folder"


def measure(run: Path, **settings: Any) -> Benchmark:
    return benchmark(run, **{"parts": ("engines", "command"), "batch": (1,), "rounds": 3, **settings})


@pytest.mark.parametrize("pack", [of_folders, of_a_list, of_a_shard])
def test_the_command_is_measured_with_the_photos_of_the_run(
    pack: Callable[..., tuple[Path, str]], run: Path, photos: Path, packing: Any, measured: dict[str, list[list[Path]]]
) -> None:
    trained_on(run, *pack(run, photos, packing))
    found = measure(run)
    assert found.notes == []
    for name in ENGINES:
        assert found.record["predicting"][name]["command"]["images"] == 4
        assert sorted(photo.name for photo in measured[name][1]) == [
            "cola 0.jpg",
            "cola 1.jpg",
            "tea 0.jpg",
            "tea 1.jpg",
        ]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda photos, listed: listed.unlink(), "the run's photos are gone"),
        (
            lambda photos, listed: [each.unlink() for each in photos.rglob("*.jpg")],
            "no usable photos in the run's data",
        ),
        (lambda photos, listed: listed.write_text("path,label\n"), "no images in"),
    ],
    ids=["no list", "no photos", "an empty list"],
)
def test_without_photos_of_the_run_the_rest_is_measured(
    damage: Any, reason: str, run: Path, photos: Path, measured: dict[str, list[list[Path]]]
) -> None:
    listed, form = of_a_list(run, photos)
    trained_on(run, listed, form)
    damage(photos, listed)
    found = measure(run)
    (note,) = found.notes
    assert note.startswith("note: the whole command was not measured: ")
    assert reason in note
    assert note.endswith("; set a folder of photos: data=PHOTOS")
    assert all(found.record["predicting"][name]["batches"]["1"]["calls"] == 3 for name in ENGINES)


def test_photos_that_cannot_be_used_are_an_error_before_anything_is_measured(
    run: Path, photos: Path, tmp_path: Path, measured: dict[str, list[list[Path]]]
) -> None:
    listed, _ = of_a_list(run, photos)
    with pytest.raises(UserError, match=r"list\.csv must be a folder of photos"):
        measure(run, data=listed)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no usable photos in .*empty"):
        measure(run, data=tmp_path / "empty")
    assert not FakeWorker.started


def test_an_engine_that_fails_does_not_cost_the_results_of_others(
    run: Path, photos: Path, measured: dict[str, list[list[Path]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeWorker, "dying", ("mindspore",))
    succeed = module.run_predict

    def run_predict(place: Path, engine: str, photos: Sequence[Path], folder: Path) -> CompletedCommand:
        if engine == "mindspore":
            raise UserError("shelfmind predict failed: Killed")
        return succeed(place, engine, photos, folder)

    monkeypatch.setattr(module, "run_predict", run_predict)
    found = measure(run, data=photos)
    assert found.notes == [
        "note: mindspore was skipped: a benchmark process exited with status -9: no output",
        "note: the whole command with mindspore was skipped: shelfmind predict failed: Killed",
    ]
    assert found.record["predicting"]["mindspore"] == {"batches": {}}
    assert found.record["predicting"][ENGINES[1]]["batches"]["1"]["calls"] == 3
    assert found.record["predicting"][ENGINES[1]]["command"]["images"] == 4

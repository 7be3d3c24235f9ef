"""Whole generated sets."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind import generate
from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.requests.watching import Observer
from shelfmind.shelf_generator import rendering
from shelfmind.shelf_generator.settings import Settings, make_settings
from shelfmind.shelf_generator.studio import COLUMNS, Studio

TINY: dict[str, Any] = {"classes": 2, "images": 8, "others_share": 0, "long_side": (32, 48), "fonts": ("none",)}
BESIDE = {"truth.csv", "generation.json"}


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def settings_of(root: Path) -> Settings:
    return make_settings(json.loads((root / "generation.json").read_text())["settings"])


def test_every_photo_has_a_complete_row_and_opens(small_set: Path, truth: list[dict[str, str]]) -> None:
    assert {row["path"] for row in truth} == set(files(small_set)) - BESIDE
    assert len(truth) == 60
    for row in truth:
        assert tuple(row) == COLUMNS
        top, split, given, _ = Path(row["path"]).parts
        assert (top, split, given) == ("all", row["split"], row["given"])
        assert all(row[column] for column in COLUMNS[-19:] if column != "family"), row
        with Image.open(small_set / row["path"]) as image:
            assert (image.mode, image.format) == ("RGB", "JPEG")
            assert image.size == (int(row["width"]), int(row["height"]))
            assert max(image.size) == int(row["long_side_px"])
            assert np.asarray(image).std() > 5
    assert {row["split"] for row in truth} == {"train", "test"}


def test_the_truth_says_what_is_wrong(truth: list[dict[str, str]]) -> None:
    wrong = [row for row in truth if row["error"]]
    assert Counter(row["error"] for row in wrong) == {"random": 3, "sibling": 2, "foreign": 1}
    for row in truth:
        assert (row["given"] != row["true"]) == bool(row["error"])
        assert (row["true"] == "") == (row["error"] == "foreign") == (row["product"] == "")
        if row["true"] not in ("", "others"):
            assert row["product"] == row["true"]
            assert row["product"].startswith(row["brand"])
            assert row["family"]
    family = {row["true"]: row["family"] for row in truth}
    for row in wrong:
        if row["error"] == "sibling":
            assert family[row["true"]] == family[row["given"]]
    others = {row["product"] for row in truth if row["true"] == "others"}
    assert others
    assert not others & {row["given"] for row in truth}


def test_near_copies_look_like_their_originals(small_set: Path, truth: list[dict[str, str]]) -> None:
    copies = [row for row in truth if row["duplicate_of"]]
    assert len(copies) == 6
    small = {row["path"]: _thumbnail(small_set / row["path"]) for row in truth}
    for row in copies:
        assert row["duplicate_of"] in small
        assert np.corrcoef(small[row["path"]], small[row["duplicate_of"]])[0, 1] > 0.9
        assert (small_set / row["path"]).read_bytes() != (small_set / row["duplicate_of"]).read_bytes()


def _thumbnail(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as image:
        return np.asarray(image.convert("L").resize((16, 16)), float).ravel()


def test_it_is_rp2k_and_opens_as_such(small_set: Path, truth: list[dict[str, str]]) -> None:
    catalog = open_catalog(small_set)
    assert catalog.format == "rp2k"
    assert len(catalog.samples) == 60
    assert set(catalog.class_names) == {row["given"] for row in truth}
    assert "others" in catalog.class_names


def test_any_number_of_processes_gives_the_same_bytes(
    small_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "PHOTOS_PER_PROCESS", 10)
    monkeypatch.setattr(rendering, "CHUNK", 7)
    generate(tmp_path / "set", **dict(settings_of(small_set)), workers=3)
    assert files(tmp_path / "set") == files(small_set)


def test_a_script_needs_no_guard_around_it(tmp_path: Path) -> None:
    values = {**TINY, "images": 200}
    code = "from shelfmind import generate\nprint('once')\n"
    code += f"generate({str(tmp_path / 'set')!r}, workers=2, **{values!r})\n"
    (tmp_path / "script.py").write_text(code)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("once\n", "")
    assert len(list((tmp_path / "set").rglob("*.jpg"))) == 200


def test_another_seed_gives_other_photos(small_set: Path, tmp_path: Path) -> None:
    generate(tmp_path / "other", **{**dict(settings_of(small_set)), "seed": 4}, workers=1)
    assert not {*files(tmp_path / "other").values()} & {*files(small_set).values()}


def test_a_photo_depends_on_the_settings_and_its_number_only(small_set: Path, truth: list[dict[str, str]]) -> None:
    studio = Studio(settings_of(small_set))
    for number in (41, 3, 17):
        jpeg, row = studio.photo(number)
        assert row[0] == truth[number]["path"]
        assert [str(cell) for cell in row] == list(truth[number].values())
        assert jpeg == (small_set / truth[number]["path"]).read_bytes()


def test_a_factor_leaves_the_rest_of_the_photo_as_it_is() -> None:
    plain, glaring = (
        Studio(make_settings({**TINY, "glare": level, "jpeg": 0, "noise": 0})).photo(5) for level in (0.0, 1.0)
    )
    columns = [COLUMNS.index(name) for name in COLUMNS if name != "glare"]
    assert [plain[1][column] for column in columns] == [glaring[1][column] for column in columns]
    one, other = (np.asarray(Image.open(io.BytesIO(jpeg)), float) for jpeg, _ in (plain, glaring))
    assert (other - one).max() > 20
    assert (np.abs(other - one) < 6).mean() > 0.2


def test_the_record_says_what_it_was_made_of(small_set: Path) -> None:
    record = json.loads((small_set / "generation.json").read_text())
    assert record["settings"]["seed"] == 3
    assert record["counts"]["photos"] == 60
    assert record["counts"]["label_errors"] == record["counts"]["duplicates"] == 6
    assert set(record["fonts"]) == {"latin", "chinese"}
    assert settings_of(small_set).label_errors == 0.1


def test_the_folder_layout_has_a_val_split(tmp_path: Path) -> None:
    generate(tmp_path / "set", **{**TINY, "images": 20}, layout="folder", val_fraction=0.2, workers=1)
    assert {path.name for path in (tmp_path / "set").iterdir()} == {"train", "val", "test"} | BESIDE
    assert open_catalog(tmp_path / "set").format == "folder"


def test_progress_adds_up(tmp_path: Path) -> None:
    seen: list[int] = []
    asked: list[tuple[str, int | None]] = []

    class Counting(Observer):
        def counter(self, what: str, total: int | None) -> Any:
            asked.append((what, total))
            return seen.append

    generate(tmp_path / "set", **{**TINY, "images": 40}, watcher=Counting(), workers=1)
    assert asked == [("generating photos", 40)]
    assert sum(seen) == 40
    assert len(seen) > 1


def test_an_empty_folder_is_filled_and_a_filled_one_refused(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "set"
    out.mkdir(parents=True)
    assert generate(out, **TINY) == out
    before = files(out)
    with pytest.raises(UserError, match="not an empty folder"):
        generate(out, **TINY, seed=1)
    assert files(out) == before
    assert [path.name for path in out.parent.iterdir()] == ["set"]


def test_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UserError, match="is a file"):
        generate(tmp_path / "file", **TINY)
    with pytest.raises(UserError, match="cannot be"):
        generate(tmp_path / "file" / "below", **TINY)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize(
    ("failure", "workers"), [(KeyboardInterrupt(), 1), (RuntimeError("stopped"), 1), (KeyboardInterrupt(), 2)]
)
def test_a_stopped_run_leaves_nothing(
    tmp_path: Path, failure: BaseException, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "PHOTOS_PER_PROCESS", 10)
    monkeypatch.setattr(rendering, "CHUNK", 4)

    class Stopping(Observer):
        def counter(self, what: str, total: int | None) -> Any:
            def stop(_: int) -> None:
                raise failure

            return stop

    with pytest.raises(type(failure)):
        generate(tmp_path / "set", **{**TINY, "images": 40}, watcher=Stopping(), workers=workers)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next_one(tmp_path: Path) -> None:
    program = f"""
import os, signal
from shelfmind import generate
from shelfmind.requests.watching import Observer
class Killer(Observer):
    def counter(self, *_): return lambda _: os.kill(os.getpid(), signal.SIGKILL)
generate({str(tmp_path / "set")!r}, watcher=Killer(), **{TINY!r})
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == -9
    assert [path.name.startswith(".set.") for path in tmp_path.iterdir()] == [True]
    generate(tmp_path / "set", **TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_full_disk_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rendering, "_photo", full)
    with pytest.raises(UserError, match="no space left"):
        generate(tmp_path / "set", **TINY)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "PHOTOS_PER_PROCESS", 10)
    monkeypatch.setattr(rendering, "CHUNK", 4)

    class Killing(Observer):
        def counter(self, what: str, total: int | None) -> Any:
            def kill(_: int) -> None:
                for process in active_children():
                    process.kill()

            return kill

    with pytest.raises(UserError, match="worker process died"):
        generate(tmp_path / "set", **{**TINY, "images": 200}, watcher=Killing(), workers=2)
    assert list(tmp_path.iterdir()) == []

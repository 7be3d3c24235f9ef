"""A trained run's files are known by checksum: a flipped byte in any of them is found and named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.recipe import Recipe
from shelfmind.requests.tool import VerifyRequest
from shelfmind.requests.watching import Observer
from shelfmind.runs.folder import RunFolder
from shelfmind.workflows.integrity import verify_files


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path / "商品")
    made.root.mkdir()
    made.recipe.write_text(Recipe().dump(), encoding="utf-8")
    made.write_classes(["可乐", "茶"], [3, 4])
    made.write_log([{"epoch": 0, "progress": 1.0}])
    for path in (made.weights, made.state, made.seen, made.split, made.provenance, made.snapshot(3)):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(path.name.encode() * 100)
    (made.before / "0").mkdir(parents=True)
    (made.before / "0" / "split.csv").write_text("path,label,split,sha256\n")
    made.seal()
    return made


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_a_flipped_byte_in_any_file_is_found_and_named(run: RunFolder) -> None:
    request = VerifyRequest(paths=run.root)
    assert verify_files(request) == []
    names = run.sealed()
    assert {"classes.json", "weights.ckpt", "snapshots/epoch-0003.ckpt", "before/0/split.csv"} <= names.keys()
    for name in names:
        path = run.root / name
        before = path.read_bytes()
        flipped(path)
        assert [fault for fault, _ in verify_files(request)] == [path]
        path.unlink()
        assert verify_files(request) == [(path, "is missing")]
        path.write_bytes(before)


def test_a_damaged_name_is_never_predicted(run: RunFolder) -> None:
    flipped(run.classes)
    with pytest.raises(UserError, match=r"classes\.json is missing, damaged or edited: .* --accept|accept=True"):
        run.read_classes()
    flipped(run.recipe)
    with pytest.raises(UserError, match=r"recipe\.yaml is missing, damaged or edited"):
        run.read_recipe()


def test_sealing_again_does_not_accept_damage(run: RunFolder) -> None:
    flipped(run.classes)
    run.write_log([{"epoch": 0, "progress": 1.0, "warnings": ["short"]}])
    run.seal()
    assert [path for path, _ in verify_files(VerifyRequest(paths=run.root))] == [run.classes]


def test_an_intended_change_can_be_recorded(run: RunFolder) -> None:
    content = json.loads(run.classes.read_text())
    run.classes.write_text(json.dumps({**content, "names": ["Cola", "Tea"]}))
    assert verify_files(VerifyRequest(paths=run.root, accept=True)) == []
    assert run.read_classes()[0] == ("Cola", "Tea")


def test_a_run_of_an_earlier_version_is_read_and_warned_of(run: RunFolder) -> None:
    run.checksums.unlink()
    warnings: list[str] = []

    class Heard(Observer):
        def warn(self, text: str) -> None:
            warnings.append(text)

    assert verify_files(VerifyRequest(paths=run.root), Heard()) == []
    assert "an earlier version" in warnings[0]
    flipped(run.classes)
    run.require_intact()


def test_a_run_in_training_has_no_checksums_yet(run: RunFolder) -> None:
    run.checksums.unlink()
    run.write_log([{"epoch": 0, "progress": 0.5}])
    with pytest.raises(UserError, match="is not trained to the end"):
        verify_files(VerifyRequest(paths=run.root))


def test_damaged_checksums_are_named(run: RunFolder) -> None:
    run.checksums.write_text("[1]")
    with pytest.raises(UserError, match=r"checksums\.json is damaged"):
        run.read_classes()


def test_damaged_checksums_are_named_and_can_be_recorded_again(run: RunFolder) -> None:
    flipped(run.checksums)
    assert [path for path, _ in verify_files(VerifyRequest(paths=run.root))] == [run.checksums]
    with pytest.raises(UserError, match=r"checksums\.json is damaged"):
        run.read_classes()
    assert verify_files(VerifyRequest(paths=run.root, accept=True)) == []


def test_results_are_verified_and_may_be_replaced_or_deleted(run: RunFolder) -> None:
    table, request = run.root / "evaluation" / "val" / "errors.csv", VerifyRequest(paths=run.root)
    table.parent.mkdir(parents=True)
    for content in ("first", "second"):
        with run.new_results():
            table.write_text(content)
            run.metrics.write_text(content)
        assert verify_files(request) == []
    flipped(table)
    assert [path for path, _ in verify_files(request)] == [table]
    table.unlink()
    assert verify_files(request) == []


def test_another_evaluation_does_not_accept_damage(run: RunFolder) -> None:
    table = run.root / "evaluation" / "test" / "errors.csv"
    table.parent.mkdir(parents=True)
    with run.new_results():
        table.write_text("first")
    flipped(table)
    with run.new_results():
        run.metrics.write_text("of another split")
    assert [path for path, _ in verify_files(VerifyRequest(paths=run.root))] == [table]
    with run.new_results():
        table.write_text("second")
    assert verify_files(VerifyRequest(paths=run.root)) == []


def test_results_of_a_killed_evaluation_do_not_look_damaged(run: RunFolder) -> None:
    with run.new_results():
        run.metrics.write_text("first")
    killed = run.new_results()
    killed.__enter__()
    run.metrics.write_text("second")
    assert verify_files(VerifyRequest(paths=run.root)) == []


def test_a_damaged_cache_of_predictions_is_named(run: RunFolder) -> None:
    cache = run.root / "evaluation" / "near_copies" / "1.npz"
    cache.parent.mkdir(parents=True)
    np.savez(cache, rows=np.arange(100))
    assert verify_files(VerifyRequest(paths=run.root)) == []
    flipped(cache)
    ((path, what),) = verify_files(VerifyRequest(paths=run.root))
    assert path == cache
    assert "can be deleted" in what

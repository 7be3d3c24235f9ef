"""Checkpoints come back whole or not at all."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError

ARRAYS = {
    "a.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "scale": np.float32(2.5).reshape(()),
    "n": np.arange(3),
}


@pytest.fixture
def saved(tmp_path: Path, mindspore: Any) -> Path:
    from shelfmind.models.checkpoint import Checkpoint, save_checkpoint

    path = tmp_path / "权重.ckpt"
    save_checkpoint(path, Checkpoint(dict(ARRAYS), "tiny", "第 3 轮"))
    return path


def test_round_trip(saved: Path) -> None:
    from shelfmind.models.checkpoint import load_checkpoint

    loaded = load_checkpoint(saved, "tiny")
    assert loaded.note == "第 3 轮"
    assert set(loaded.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert loaded.arrays[name].shape == array.shape
        assert loaded.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded.arrays[name], array)
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]


def test_a_flipped_bit_anywhere_is_refused(saved: Path) -> None:
    from shelfmind.models.checkpoint import load_checkpoint

    whole = saved.read_bytes()
    changed_content = 0
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 4
        saved.write_bytes(bytes(damaged))
        try:
            loaded = load_checkpoint(saved, "tiny")
        except UserError:
            changed_content += 1
            continue
        for name, array in ARRAYS.items():  # a bit that means nothing may flip, content may not
            np.testing.assert_array_equal(loaded.arrays[name], array)
    assert changed_content > len(whole) // 7 // 2


@pytest.mark.parametrize("kept", [0, 1, 10, 60, 0.5, 0.9, 0.99])
def test_a_cut_file_is_refused(saved: Path, kept: float) -> None:
    from shelfmind.models.checkpoint import load_checkpoint

    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(kept * len(whole)) if kept < 1 else int(kept)])
    with pytest.raises(UserError, match=r"damaged|checksum"):
        load_checkpoint(saved)


def test_other_files_are_refused(tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.models.checkpoint import load_checkpoint

    for content in (b"hello", pickle.dumps({"a": 1})):
        path = tmp_path / "other.ckpt"
        path.write_bytes(content)
        with pytest.raises(UserError):
            load_checkpoint(path)
    with pytest.raises(UserError, match="no checkpoint"):
        load_checkpoint(tmp_path / "missing.ckpt")


def test_another_models_checkpoint_is_refused(saved: Path) -> None:
    from shelfmind.models.checkpoint import load_checkpoint

    with pytest.raises(UserError, match=r"tiny.*other"):
        load_checkpoint(saved, "other")


def test_tensors_that_do_not_fit_are_named(mindspore: Any) -> None:
    from shelfmind.models.checkpoint import fill_parameters

    parameter = mindspore.Parameter(mindspore.Tensor(np.zeros((3, 4), np.float32)), name="a.weight")
    origin = Path("x.ckpt")
    with pytest.raises(UserError, match=r"lacks a\.weight"):
        fill_parameters({"a.weight": parameter}, {}, origin)
    with pytest.raises(UserError, match="has b"):
        fill_parameters({"a.weight": parameter}, {"a.weight": np.zeros((3, 4)), "b": np.zeros(1)}, origin)
    with pytest.raises(UserError, match=r"a\.weight has shape"):
        fill_parameters({"a.weight": parameter}, {"a.weight": np.zeros((4, 3))}, origin)
    fill_parameters({"a.weight": parameter}, {"a.weight": ARRAYS["a.weight"]}, origin)
    np.testing.assert_array_equal(parameter.asnumpy(), ARRAYS["a.weight"])


def test_a_failed_write_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shelfmind.models import checkpoint

    before = saved.read_bytes()

    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.mindspore, "save_checkpoint", full)
    with pytest.raises(UserError, match="no space left"):
        checkpoint.save_checkpoint(saved, checkpoint.Checkpoint({"x": np.zeros(3)}, "tiny"))
    assert saved.read_bytes() == before
    assert [entry.name for entry in saved.parent.iterdir()] == [saved.name]

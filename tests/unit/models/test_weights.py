"""Weights from elsewhere are mapped by name, fit or are refused by the tensor's name, and never half loaded."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError

SMALL = {"widths": (8, 8, 16, 16), "depths": (1, 1, 1, 1)}


def build(mindspore: Any, classes: int = 5, seed: int = 0, **arguments: Any) -> Any:
    from shelfmind.models import create_model

    return create_model("resnet18", classes, seed, **SMALL, **arguments)


def arrays_of(model: Any) -> dict[str, np.ndarray]:
    return {parameter.name: parameter.asnumpy() for parameter in model.get_parameters()}


def write(mindspore: Any, path: Path, arrays: dict[str, np.ndarray]) -> Path:
    mindspore.save_checkpoint([{"name": n, "data": mindspore.Tensor(a)} for n, a in arrays.items()], str(path))
    return path


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("conv1.weight", "stem.0.conv.weight"),
        ("bn1.moving_mean", "stem.0.norm.moving_mean"),
        ("layer0.0.weight", "stem.0.conv.weight"),
        ("layer0.1.gamma", "stem.0.norm.gamma"),
        ("layer1.0.conv1.weight", "stages.0.0.branch.0.conv.weight"),
        ("layer3.10.bn3.beta", "stages.2.10.branch.2.norm.beta"),
        ("layer2.0.down_sample.0.weight", "stages.1.0.shortcut.projection.conv.weight"),
        ("layer4.0.downsample.1.gamma", "stages.3.0.shortcut.projection.norm.gamma"),
        ("layer1.2.se_module.conv_expand.bias", "stages.0.2.gate.expand.bias"),
        ("classifier.weight", "head.classifier.weight"),
        ("stages.0.0.branch.0.conv.weight", "stages.0.0.branch.0.conv.weight"),
    ],
)
def test_names_of_mindcv_become_ours(theirs: str, ours: str, mindspore: Any) -> None:
    from shelfmind.models.weights import our_parameter_name

    assert our_parameter_name(theirs) == ours


def test_a_file_gives_its_weights_without_the_optimizers(mindspore: Any, tmp_path: Path) -> None:
    source = build(mindspore, seed=1)
    arrays = arrays_of(source)
    moments = {f"moments.{name}": array + 1 for name, array in arrays.items()}
    path = write(mindspore, tmp_path / "w.ckpt", {**arrays, **moments, "learning_rate": np.float32(0.1)})
    loaded = arrays_of(build(mindspore, seed=2, weights=path))
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)


def test_a_classifier_of_other_classes_is_drawn_anew_and_said(mindspore: Any) -> None:
    from shelfmind.models.weights import load_arrays

    source, model = build(mindspore, classes=9, seed=1), build(mindspore, classes=5, seed=2)
    before = model.head.classifier.weight.asnumpy().copy()
    report = load_arrays(model, arrays_of(source), "w.ckpt")
    assert report.kept == ("head.classifier.weight", "head.classifier.bias")
    assert str(report) == f"{len(report.taken)} of {len(report.taken) + 2} tensors; the classifier starts at random"
    np.testing.assert_array_equal(model.head.classifier.weight.asnumpy(), before)
    np.testing.assert_array_equal(model.stem[0].conv.weight.asnumpy(), source.stem[0].conv.weight.asnumpy())


def test_squeeze_layers_may_be_dense_in_the_file(mindspore: Any) -> None:
    from shelfmind.models.weights import load_arrays

    source = build(mindspore, seed=1, attention="se")
    arrays = {n: a.reshape(a.shape[:2]) if ".gate." in n and a.ndim == 4 else a for n, a in arrays_of(source).items()}
    model = build(mindspore, seed=2, attention="se")
    assert load_arrays(model, arrays, "w.ckpt").kept == ()
    for name, array in arrays_of(source).items():
        np.testing.assert_array_equal(arrays_of(model)[name], array)


def test_what_does_not_fit_is_named_and_nothing_is_loaded(mindspore: Any) -> None:
    from shelfmind.models.weights import load_arrays

    model = build(mindspore)
    before = {name: array.copy() for name, array in arrays_of(model).items()}
    arrays = arrays_of(build(mindspore, seed=1))
    wrong = {**arrays, "stem.0.conv.weight": np.zeros((8, 3, 5, 5), np.float32)}
    with pytest.raises(UserError, match=r"stem\.0\.conv\.weight has shape \(8, 3, 5, 5\)"):
        load_arrays(model, wrong, "w.ckpt")
    with pytest.raises(UserError, match=r"another architecture.*gate"):
        load_arrays(build(mindspore, attention="se"), arrays, "w.ckpt")
    for name, array in arrays_of(model).items():
        np.testing.assert_array_equal(array, before[name])


def test_left_over_tensors_are_said(mindspore: Any) -> None:
    from shelfmind.models.weights import load_arrays

    arrays = arrays_of(build(mindspore, seed=1, attention="se"))
    report = load_arrays(build(mindspore), arrays, "w.ckpt")
    assert report.left_over
    assert all(".gate." in name for name in report.left_over)


def test_files_that_are_no_checkpoints_are_refused(mindspore: Any, tmp_path: Path) -> None:
    from shelfmind.models.weights import read_arrays

    class Trap:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "unpickled",)

    trap = tmp_path / "trap.ckpt"
    trap.write_bytes(pickle.dumps(Trap()))
    cut = write(mindspore, tmp_path / "whole.ckpt", arrays_of(build(mindspore)))
    (tmp_path / "cut.ckpt").write_bytes(cut.read_bytes()[:1000])
    for path in (trap, tmp_path / "cut.ckpt", tmp_path / "missing.ckpt"):
        with pytest.raises(UserError, match=path.name):
            read_arrays(path)
    assert not (tmp_path / "unpickled").exists()


def test_our_own_weights_are_verified(mindspore: Any, tmp_path: Path) -> None:
    from shelfmind.models.checkpoint import Checkpoint, save_checkpoint

    path = tmp_path / "ours.ckpt"
    save_checkpoint(path, Checkpoint(arrays_of(build(mindspore, seed=1)), "resnet18"))
    build(mindspore, weights=path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        build(mindspore, weights=path)


def test_weights_of_mindcv_bring_their_pooling(mindspore: Any, tmp_path: Path) -> None:
    from shelfmind.models.weights import Start

    theirs = Start(write(mindspore, tmp_path / "theirs.ckpt", {"conv1.weight": np.zeros((1, 1), np.float32)}))
    ours = Start(write(mindspore, tmp_path / "ours.ckpt", {"stem.0.conv.weight": np.zeros((1, 1), np.float32)}))
    assert theirs.arguments({}) == {"stem_pool": "same"}
    assert theirs.arguments({"stem_pool": "symmetric"}) == {}
    assert ours.arguments({}) == {}

"""With the same weights our networks give what independent implementations gave (`tests/parity`)."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PARITY = Path(__file__).parents[1] / "parity"
PYTORCH = json.loads((PARITY / "pytorch.json").read_text())["models"]
MINDCV = json.loads((PARITY / "mindcv.json").read_text())
ALIKE = ("resnet34", "resnet101", "resnext50", "se_resnet50")
"""More of the blocks that resnet18 and resnet50 have, or one of the two things that set se_resnext50 apart; how many is
told by their sizes, in `test_models`."""


def networks(recorded: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.thorough) if name in ALIKE else name for name in sorted(recorded)]


@pytest.fixture(scope="module")
def filling() -> Any:
    """The values that both implementations are filled with."""
    spec = importlib.util.spec_from_file_location("filling", PARITY / "filling.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True, scope="module")
def eager(mindspore: Any) -> Iterator[None]:
    """Operator by operator: compiling ResNet-101 would take longer than all the rest."""
    mindspore.set_context(mode=mindspore.PYNATIVE_MODE)
    yield
    mindspore.set_context(mode=mindspore.GRAPH_MODE)


def assert_gives(model: Any, images: Any, expected: Any, mindspore: Any) -> None:
    model.set_train(False)
    logits = model(mindspore.Tensor(images))[0].asnumpy()
    wanted = np.array(expected)
    np.testing.assert_allclose(logits / np.abs(wanted).max(), wanted / np.abs(wanted).max(), atol=1e-4)


@pytest.mark.parametrize("name", networks(PYTORCH))
def test_outputs_equal_pytorchs(name: str, mindspore: Any, filling: Any) -> None:
    from shelfmind.models import create_model

    expected = PYTORCH[name]
    model = create_model(name, filling.CLASSES)
    assert sum(int(parameter.size) for parameter in model.trainable_params()) == expected["parameters"]
    filling.fill_mindspore(model)
    assert_gives(model, filling.made_up_images(expected["size"]), expected["logits"], mindspore)


@pytest.mark.parametrize("name", networks(MINDCV["models"]))
def test_outputs_and_names_equal_mindcvs(name: str, mindspore: Any, filling: Any) -> None:
    from shelfmind.models import create_model
    from shelfmind.models.weights import our_parameter_name

    expected = MINDCV["models"][name]
    model = create_model(name, filling.CLASSES, stem_pool="same")
    ours = {parameter.name: tuple(parameter.shape) for parameter in model.get_parameters()}
    theirs = {our_parameter_name(mindcvs): tuple(shape) for mindcvs, shape in expected["names"].items()}
    assert set(ours) == set(theirs)
    for parameter, shape in ours.items():
        assert shape in (theirs[parameter], (*theirs[parameter], 1, 1))
    filling.fill_mindspore(model)
    assert_gives(model, filling.made_up_images(MINDCV["size"]), expected["logits"], mindspore)

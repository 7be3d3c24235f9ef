"""Every network of the table, and one of MindCV's, is what the rest of the package takes a network to be."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.model_facts import list_models

CLASSES, IMAGES = 5, 2
MINDCV = ["resnet18", "mobilenet_v2_100", "efficientnet_b0", "pit_ti"]
"""Feature maps with a linear head, and with a deeper one; features that are pooled already; tokens."""
ALIKE = ("resnet34", "resnet101", "resnext50", "se_resnet50")
"""More of the blocks that resnet18 and resnet50 have, or one of the two things that set se_resnext50 apart."""
OURS = [
    pytest.param(name, marks=pytest.mark.thorough) if name in ALIKE else name
    for name in list_models()
    if not name.endswith("_wider")
]
INSTALLED = importlib.util.find_spec("mindcv") is not None


def pictures(mindspore: Any, size: int) -> Any:
    return mindspore.Tensor(np.random.default_rng(0).normal(size=(IMAGES, 3, size, size)).astype(np.float32))


def check(model: Any, size: int, mindspore: Any) -> Any:
    """Two halves that make the whole; returns the features between them."""
    from shelfmind.models.network import Network, eagerly

    assert isinstance(model, Network)
    model.set_train(False)
    images = pictures(mindspore, size)
    with eagerly():
        features = model.forward_features(images)
        halves, whole = model.forward_head(features), model(images)
    assert features.shape[0] == IMAGES
    for logits, embedding in (halves, whole):
        assert logits.shape == (IMAGES, CLASSES)
        assert embedding.shape == (IMAGES, model.embedding_width)
        assert np.isfinite(logits.asnumpy()).all()
        assert np.isfinite(embedding.asnumpy()).all()
    for one, other in zip(whole, halves, strict=True):
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=1e-4, atol=1e-5)
    return features


@pytest.mark.parametrize("name", OURS)
def test_ours_at_the_least_size_that_they_name(name: str, mindspore: Any) -> None:
    from shelfmind.models import create_model
    from shelfmind.models.heads import Head

    model = create_model(name, CLASSES)
    features = check(model, model.least_image_size, mindspore)
    assert features.ndim == 4
    assert features.shape[1] == model.embedding_width
    assert isinstance(model.head, Head)


def made_up(mindspore: Any, kind: str) -> Any:
    """A network in two halves as MindCV has them, whose features are of this kind."""
    nn, ops = mindspore.nn, mindspore.ops

    class Halves(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 4, stride=4)
            self.classifier = nn.Dense(8, CLASSES)

        def forward_features(self, images: Any) -> Any:
            maps = self.conv(images)
            if kind in ("maps", "no head"):
                return maps
            tokens = maps.reshape(maps.shape[0], 8, -1).swapaxes(1, 2)
            return {"tokens": tokens, "pooled": tokens.mean(1), "two of them": (tokens, tokens)}[kind]

        def forward_head(self, features: Any) -> Any:
            axes = {"tokens": 1, "maps": (2, 3)}.get(kind)
            return self.classifier(features if axes is None else ops.mean(features, axes))

    if kind == "no head":
        del Halves.forward_head
    return Halves()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, mindspore: Any) -> Callable[[str], None]:
    """Puts a package in MindCV's place whose only network is made up."""

    def install(kind: str) -> None:
        package = ModuleType("mindcv")
        package.list_models = lambda: ["halves"]
        package.create_model = lambda name, num_classes: made_up(mindspore, kind)
        monkeypatch.setitem(sys.modules, "mindcv", package)

    return install


@pytest.mark.parametrize("kind", ["maps", "tokens", "pooled"])
def test_mindcvs_of_any_kind_of_features(kind: str, installed: Callable[[str], None], mindspore: Any) -> None:
    from shelfmind.models import create_model

    installed(kind)
    model = create_model("mindcv:halves", CLASSES, image_size=32)
    assert model.embedding_width == 8
    check(model, model.least_image_size, mindspore)


@pytest.mark.parametrize("kind", ["no head", "two of them"])
def test_what_is_not_split_in_two_is_refused_at_once(
    kind: str, installed: Callable[[str], None], mindspore: Any
) -> None:
    from shelfmind.models import create_model

    installed(kind)
    with pytest.raises(UserError, match=r"mindcv:halves cannot be built with \{\}") as caught:
        create_model("mindcv:halves", CLASSES, image_size=32)
    assert len(str(caught.value).splitlines()) == 1


def test_self_supervision_takes_a_network_without_a_head_of_ours(
    installed: Callable[[str], None], mindspore: Any
) -> None:
    from shelfmind.models import create_model
    from shelfmind.training.simsiam import SimSiam

    installed("maps")
    model = SimSiam(create_model("mindcv:halves", CLASSES, image_size=32), seed=0)
    trained = {parameter.name for parameter in model.trainable_params()}
    assert any("conv" in name for name in trained)
    assert not any("classifier" in name for name in trained)
    outputs, embeddings = model(pictures(mindspore, 32))
    assert outputs.shape[0] == IMAGES
    assert embeddings.shape == (IMAGES, 8)


@pytest.mark.skipif(not INSTALLED, reason="needs MindCV: pip install 'shelfmind[mindcv]'")
@pytest.mark.parametrize("name", MINDCV)
def test_mindcvs_own(name: str, mindspore: Any) -> None:
    from shelfmind.models import create_model

    check(create_model(f"mindcv:{name}", CLASSES), 224, mindspore)


@pytest.mark.skipif(not INSTALLED, reason="needs MindCV: pip install 'shelfmind[mindcv]'")
@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_those_of_mindcv_that_are_not_split_are_refused(name: str, mindspore: Any) -> None:
    from shelfmind.models import create_model

    with pytest.raises(UserError, match="cannot be built"):
        create_model(f"mindcv:{name}", CLASSES)

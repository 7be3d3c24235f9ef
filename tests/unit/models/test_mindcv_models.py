"""MindCV's networks give logits and an embedding like ours; without MindCV the error says what to install."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError

INSTALLED = importlib.util.find_spec("mindcv") is not None


@pytest.mark.skipif(INSTALLED, reason="MindCV is installed")
def test_without_mindcv_the_error_says_what_to_install(mindspore: Any) -> None:
    from shelfmind.models import create_model

    with pytest.raises(UserError, match=r"pip install 'shelfmind\[mindcv\]'"):
        create_model("mindcv:resnet18", 5)


@pytest.mark.skipif(not INSTALLED, reason="needs MindCV: pip install 'shelfmind[mindcv]'")
@pytest.mark.parametrize(("name", "width"), [("resnet18", 512), ("mobilenet_v2_100", 1280), ("seresnet18", 512)])
def test_networks_of_mindcv(name: str, width: int, mindspore: Any, tmp_path: Path) -> None:
    from shelfmind.models import create_model

    model = create_model(f"mindcv:{name}", 5, seed=1)
    model.set_train(False)
    images = mindspore.Tensor(np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32))
    logits, embedding = model(images)
    assert logits.shape == (2, 5)
    assert embedding.shape == (2, width) == (2, model.embedding_width)
    mindspore.save_checkpoint(model.network, str(tmp_path / "w.ckpt"))
    again = create_model(f"mindcv:{name}", 5, seed=2, weights=tmp_path / "w.ckpt")
    again.set_train(False)
    np.testing.assert_allclose(again(images)[0].asnumpy(), logits.asnumpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not INSTALLED, reason="needs MindCV: pip install 'shelfmind[mindcv]'")
def test_an_unknown_network_of_mindcv_is_named(mindspore: Any) -> None:
    from shelfmind.models import create_model

    with pytest.raises(UserError, match="did you mean"):
        create_model("mindcv:resnet5", 5)

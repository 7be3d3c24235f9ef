"""What is frozen keeps its weights and running statistics; what is trained changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError


@pytest.mark.parametrize(
    ("part", "prefixes"),
    [("classifier", ("head.",)), ("classifier_and_last_norm", ("head.", "stages.3.1.branch.1.norm."))],
)
def test_only_this_part_changes(part: str, prefixes: tuple[str, ...], mindspore: Any) -> None:
    from shelfmind.models import create_model
    from shelfmind.models.freezing import train_only
    from shelfmind.models.network import eagerly

    model = create_model("resnet18", 3, widths=(8, 8, 8, 8), depths=(1, 1, 1, 2), attention="cbam", neck=True)
    train_only(model, part)
    trainable = model.trainable_params()
    assert {p.name for p in trainable} == {
        p.name
        for p in model.get_parameters()
        if p.name.startswith(prefixes) and p.name.rpartition(".")[2] in ("weight", "bias", "gamma", "beta")
    }
    before = {p.name: p.asnumpy().copy() for p in model.get_parameters()}
    images = mindspore.Tensor(np.random.default_rng(0).normal(size=(6, 3, 32, 32)).astype(np.float32))
    with eagerly():
        model(images)  # a forward pass in training mode moves running statistics
    moved = {p.name for p in model.get_parameters() if not np.array_equal(p.asnumpy(), before[p.name])}
    assert moved
    assert all(name.startswith(prefixes) and "moving" in name for name in moved)


def test_everything_is_trained_by_default(mindspore: Any) -> None:
    from shelfmind.models import create_model
    from shelfmind.models.freezing import train_only

    model = create_model("resnet18", 3, widths=(8, 8, 8, 8), depths=(1, 1, 1, 1))
    names = {p.name for p in model.trainable_params()}
    train_only(model, "all")
    assert model.training
    assert {p.name for p in model.trainable_params()} == names


def test_a_network_without_our_head_is_refused(mindspore: Any) -> None:
    from shelfmind.models.freezing import train_only

    with pytest.raises(UserError, match=r"train\.trainable must be all for networks other than shelfmind's"):
        train_only(mindspore.nn.SequentialCell([mindspore.nn.Dense(2, 2)]), "classifier")

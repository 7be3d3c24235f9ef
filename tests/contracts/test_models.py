"""Every model of the table: shapes, published sizes, reproducible weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError

# Trainable parameters at 1,000 classes. Sources: He et al. 2016 and Hu et al. 2018 as counted in timm 1.0 (resnet18,
# resnet50, seresnext50_32x4d).
PUBLISHED = {"resnet18": 11_689_512, "resnet50": 25_557_032, "se_resnext50": 27_559_896}
NAMES = ["resnet18", "resnet50", "se_resnext50", "shelfnet_s"]


def test_the_table_is_what_is_tested(mindspore: Any) -> None:
    from shelfmind.models import list_models

    assert list_models() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_shapes_sizes_and_weights(name: str, mindspore: Any) -> None:
    from shelfmind.models import create_model

    model = create_model(name, 1000, seed=3)
    size = sum(int(parameter.size) for parameter in model.trainable_params())
    assert size == PUBLISHED.get(name, size)
    again, other = create_model(name, 1000, seed=3), create_model(name, 1000, seed=4)
    for one, same, different in zip(
        model.get_parameters(), again.get_parameters(), other.get_parameters(), strict=True
    ):
        np.testing.assert_array_equal(one.asnumpy(), same.asnumpy())
        if one.name.endswith("weight"):
            assert not np.array_equal(one.asnumpy(), different.asnumpy())


@pytest.mark.parametrize("name", ["resnet18", "se_resnext50", "shelfnet_s"])
def test_outputs(name: str, mindspore: Any) -> None:
    from shelfmind.models import create_model

    model = create_model(name, 7)
    model.set_train(False)
    logits, embedding = model(mindspore.Tensor(np.ones((2, 3, 64, 64), np.float32)))
    assert logits.shape == (2, 7)
    assert embedding.shape == (2, model.embedding_width)
    assert np.isfinite(logits.asnumpy()).all()


def test_wider_doubles_the_embedding(mindspore: Any) -> None:
    from shelfmind.models import create_model

    assert create_model("resnet50", 5, last_stage_width=2).embedding_width == 4096


def test_mistakes_are_named(mindspore: Any) -> None:
    from shelfmind.models import create_model

    with pytest.raises(UserError, match="resnet50"):
        create_model("resnet5", 10)
    for classes in (0, 1):
        with pytest.raises(UserError, match="at least 2 classes"):
            create_model("resnet18", classes)
    with pytest.raises(UserError, match="resnet18 cannot be built"):
        create_model("resnet18", 10, no_such_argument=1)

"""Every network of ours is the same network on oneDNN's kernels: parameters, answers, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shelfmind.model_facts import list_models

CLASSES = 5
SMALL: dict[str, dict[str, Any]] = {
    "basic, SE, pooled shortcut": {"widths": (16, 16, 32, 32), "attention": "se", "pooled_shortcut": True},
    "bottleneck, groups, CBAM": {"block": "bottleneck", "groups": 4, "group_width": 16, "attention": "cbam"},
    "BAM, deep stem, depthwise": {"attention": "bam", "stem_name": "deep", "stem_pool": "same", "deep_kernel_size": 5},
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if number else []) for number, name in enumerate(SMALL)]
)
def test_small_networks_agree(name: str, library: Any, mindspore: Any) -> None:
    arguments = {"widths": (16, 16, 16, 32), "depths": (1, 1, 1, 1), **SMALL[name]}
    agree("resnet18", 48, library, mindspore, **arguments)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("name", list_models())
def test_all_networks_agree(name: str, library: Any, mindspore: Any) -> None:
    agree(name, 107 if name.startswith("inception") else 64, library, mindspore)


def agree(name: str, size: int, library: Any, mindspore: Any, **arguments: Any) -> None:
    """Weights carry over by name; float32 gives the same, bfloat16 nearly."""
    from shelfmind.kernels.channels_last import OneDnnKernels
    from shelfmind.kernels.stock import STOCK

    stock = worked_out(name, size, STOCK, mindspore, arguments)
    for precision, near, alike in (("fp32", 1e-3, 0.999), ("bf16", 0.15, 0.5)):
        found = worked_out(name, size, OneDnnKernels(library, precision), mindspore, arguments)
        assert found["names"] == stock["names"]
        for what in ("logits", "embeddings", "maps"):
            distance = np.linalg.norm(found[what] - stock[what])
            assert distance <= near * np.linalg.norm(stock[what]), (precision, what)
        # A ReLU whose input is near 0 may flip, so gradients are compared as a whole.
        one, other = stock["gradient"], found["gradient"]
        assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) >= alike, precision


def worked_out(name: str, size: int, kernels: Any, mindspore: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a network says in training of a few images, its gradient as one vector, and its maps in evaluation."""
    from shelfmind.models import create_model

    model = create_model(name, CLASSES, seed=1, kernels=kernels, **arguments)
    for parameter in model.get_parameters():
        if parameter.name.endswith("gamma"):  # branches that begin at 0 would hide theirs
            fill = np.full(parameter.shape, 0.5 if "branch" in parameter.name else 1, np.float32)
            parameter.set_data(mindspore.Tensor(fill))
    images = mindspore.Tensor(np.random.default_rng(0).normal(size=(4, 3, size, size)).astype(np.float32))
    weights = mindspore.Tensor(np.random.default_rng(1).normal(size=(4, CLASSES)).astype(np.float32))

    def weighted(images: Any) -> Any:
        logits, embeddings = model(images)
        return (logits * weights).sum(), logits, embeddings

    model.set_train(True)
    parameters = model.trainable_params()
    run = mindspore.jit(mindspore.value_and_grad(weighted, None, parameters, has_aux=True))
    (_, logits, embeddings), gradients = run(images)
    model.set_train(False)
    maps = mindspore.jit(model.forward_features)(images)
    return {
        "names": [(parameter.name, parameter.shape) for parameter in model.get_parameters()],
        "logits": logits.asnumpy(),
        "embeddings": embeddings.asnumpy(),
        "maps": maps.asnumpy(),
        "gradient": flat([gradient.asnumpy() for gradient in gradients]),
    }


def flat(arrays: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float64]:
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)

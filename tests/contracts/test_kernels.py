"""Every network of ours is the same network on oneDNN's kernels: parameters, answers, gradients."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shelfmind.model_facts import list_models

CLASSES = 5
SMALL: dict[str, dict[str, Any]] = {
    "basic, SE, pooled shortcut": {"attention": "se", "pooled_shortcut": True},
    "bottleneck, groups, CBAM": {"block": "bottleneck", "groups": 4, "group_width": 16, "attention": "cbam"},
    "BAM, deep stem, depthwise": {"attention": "bam", "stem_name": "deep", "stem_pool": "same", "deep_kernel_size": 5},
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if number else []) for number, name in enumerate(SMALL)]
)
def test_small_networks_agree(name: str, library: Any, mindspore: Any) -> None:
    arguments = {"widths": (16, 32), "depths": (1, 1), **SMALL[name]}
    stock = of_stock("resnet18", 48, mindspore, **arguments)
    agree(stock, NEAR_IN_HALF, "resnet18", 48, library, mindspore, **arguments)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("name", list_models())
def test_all_networks_agree(name: str, library: Any, mindspore: Any) -> None:
    """In bfloat16 they stray no farther than twice what MindSpore's own do whose maps are rounded."""
    size = 107 if name.startswith("inception") else 64
    stock = of_stock(name, size, mindspore)
    strayed = distances(worked_out(name, size, rounding(mindspore), mindspore, {}), stock)
    near_in_half = {what: 2 * distance + 0.01 for what, distance in strayed.items()}
    agree(stock, near_in_half, name, size, library, mindspore)


NEAR = {"fp32": {"logits": 1e-3, "embeddings": 1e-3, "maps": 1e-3, "gradient": 0.045}}
NEAR_IN_HALF = {"logits": 0.1, "embeddings": 0.1, "maps": 0.1, "gradient": 1.05}


def agree(
    stock: dict[str, Any],
    near_in_half: dict[str, float],
    name: str,
    size: int,
    library: Any,
    mindspore: Any,
    **arguments: Any,
) -> None:
    """Weights carry over by name; float32 gives the same, bfloat16 nearly, if the CPU has it."""
    from shelfmind.kernels.channels_last import OneDnnKernels
    from shelfmind.kernels.library import can_bf16

    for precision, near in {**NEAR, **({"bf16": near_in_half} if can_bf16() else {})}.items():
        found = worked_out(name, size, OneDnnKernels(library, precision), mindspore, arguments)
        assert found["names"] == stock["names"]
        for what, distance in distances(found, stock).items():
            assert distance <= near[what], (precision, what)


def distances(found: dict[str, Any], stock: dict[str, Any]) -> dict[str, float]:
    """Norms of what differs, to those of what should be; of the gradient as a whole, since a ReLU whose input is near 0
    may flip, the angle."""
    apart = {
        what: float(np.linalg.norm(found[what] - stock[what]) / np.linalg.norm(stock[what]))
        for what in ("logits", "embeddings", "maps")
    }
    one, other = stock["gradient"], found["gradient"]
    cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
    return {**apart, "gradient": float(np.arccos(min(1.0, cosine)))}


def of_stock(name: str, size: int, mindspore: Any, **arguments: Any) -> dict[str, Any]:
    from shelfmind.kernels.stock import STOCK

    return worked_out(name, size, STOCK, mindspore, arguments)


def rounding(mindspore: Any) -> Any:
    """MindSpore's own kernels, but weights and results of convolutions and normalisations are rounded to bfloat16."""
    from mindspore import nn, ops

    from shelfmind.kernels.stock import Kernels

    def rounded(values: Any) -> Any:
        return values.astype(mindspore.bfloat16).astype(mindspore.float32)

    class Convolution(nn.Conv2d):
        def construct(self, features: Any) -> Any:
            features = self.conv2d(features, rounded(self.weight))
            return rounded(self.bias_add(features, self.bias) if self.has_bias else features)

    class Norm(nn.BatchNorm2d):
        def __init__(self, channels: int, epsilon: float, activate: bool) -> None:
            super().__init__(channels, eps=epsilon)
            self.activate = activate

        def construct(self, features: Any, added: Any = None) -> Any:
            features = super().construct(features)
            if added is not None:
                return rounded(ops.relu(features + added))
            return rounded(ops.relu(features) if self.activate else features)

    class Rounding(Kernels):
        convolution_type = Convolution

        def norm(self, channels: int, epsilon: float = 1e-5, activate: bool = False) -> nn.BatchNorm2d:
            return Norm(channels, epsilon, activate)

    return Rounding()


def worked_out(name: str, size: int, kernels: Any, mindspore: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a network says in training of a few images, its gradient as one vector, and its maps in evaluation."""
    from shelfmind.models import create_model
    from shelfmind.models.network import eagerly

    in_graphs = kernels.name == "onednn"
    compiled = mindspore.jit if in_graphs else lambda function: function
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
    run = compiled(mindspore.value_and_grad(weighted, None, parameters, has_aux=True))
    with nullcontext() if in_graphs else eagerly():  # what is expected is not compiled, which takes most of the time
        (_, logits, embeddings), gradients = run(images)
        model.set_train(False)
        maps = compiled(model.forward_features)(images)
    return {
        "names": [(parameter.name, parameter.shape) for parameter in model.get_parameters()],
        "logits": logits.asnumpy(),
        "embeddings": embeddings.asnumpy(),
        "maps": maps.asnumpy(),
        "gradient": flat([gradient.asnumpy() for gradient in gradients]),
    }


def flat(arrays: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float64]:
    return np.concatenate([array.ravel() for array in arrays]).astype(np.float64)

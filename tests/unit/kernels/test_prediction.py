"""A network whose weights are fixed answers as before, with batch normalisation folded into its convolutions."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Answers = list[npt.NDArray[np.float32]]
NETWORKS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "bias, groups, addition": ("resnet18", 40, {"block": "bottleneck", "groups": 4, "attention": "se"}),
    "CBAM": ("resnet18", 40, {"attention": "cbam"}),
    "BAM": ("resnet18", 40, {"attention": "bam", "stem_name": "deep"}),
    "branches": ("inception_resnet_v2", 107, {"depths": (1, 1, 1)}),
}
SMALL = {"widths": (16, 32), "depths": (1, 1)}
TOLERANCE = {"fp32": 1e-5, "bf16": 3e-2}


def _pairs() -> list[Any]:
    """In float32 each network; branches not always in bfloat16, in which the others are."""
    slow, thorough = pytest.mark.slow, pytest.mark.thorough
    marks = {(name, "fp32"): [slow] if number else [] for number, name in enumerate(NETWORKS)}
    marks |= {(name, "bf16"): found for (name, _), found in marks.items()}
    marks["branches", "bf16"] = [slow, thorough]
    return [pytest.param(*pair, marks=found) for pair, found in marks.items()]


@pytest.mark.parametrize(("name", "kernels"), _pairs(), indirect=["kernels"])
def test_fixed_networks_answer_as_before(name: str, kernels: Any, mindspore: Any) -> None:
    model = drawn(name, kernels, mindspore)
    few, many = (images(count, NETWORKS[name][1], mindspore) for count in (1, 5))
    expected = answers(model, few), answers(model, many)
    kernels.fix(model)
    for found, wanted in zip((answers(model, few), answers(model, many)), expected, strict=True):
        for ours, before in zip(found, wanted, strict=True):
            assert np.abs(ours - before).max() <= TOLERANCE[kernels.precision] * np.abs(before).max()


def test_each_keeps_its_own_weights_until_it_goes(library: Any, mindspore: Any) -> None:
    from shelfmind.kernels.channels_last import OneDnnKernels
    from shelfmind.kernels.operators.custom import Window
    from shelfmind.kernels.operators.prediction import ConvolveFixed
    from shelfmind.models.network import eagerly

    OneDnnKernels(library)  # whose operators they are
    kept = ctypes.CDLL(str(library.path)).shelfmind_kept
    gc.collect()
    before = kept()
    maps, weights = (mindspore.Tensor(np.full(shape, 1, np.float32)) for shape in ((1, 4, 4, 16), (16, 16, 1, 1)))
    for factor in (1, 2):
        part = ConvolveFixed(Window((1, 1)))
        with eagerly():
            assert np.all(part(maps, weights * factor).asnumpy() == 16 * factor)
            assert np.all(part(maps, weights * 5).asnumpy() == 16 * factor)
        assert kept() == before + 1
        del part
        gc.collect()
        assert kept() == before


def drawn(name: str, kernels: Any, mindspore: Any) -> Any:
    """The network with statistics and factors of its normalisations that are not those of the beginning."""
    from shelfmind.models import create_model

    network, _, arguments = NETWORKS[name]
    small = SMALL if network == "resnet18" else {}
    model = create_model(network, 5, seed=1, kernels=kernels, **{**small, **arguments})
    generator = np.random.default_rng(0)
    for parameter in model.get_parameters():
        if parameter.name.endswith(("gamma", "moving_variance")):
            values = generator.uniform(0.5, 1, parameter.shape)
        elif parameter.name.endswith(("beta", "moving_mean")):
            values = generator.normal(0, 0.2, parameter.shape)
        else:
            continue
        parameter.set_data(mindspore.Tensor(values.astype(np.float32)))
    return model.set_train(False)


def images(count: int, size: int, mindspore: Any) -> Any:
    return mindspore.Tensor(np.random.default_rng(1).normal(size=(count, 3, size, size)).astype(np.float32))


def answers(model: Any, images: Any) -> Answers:
    """Logits and embeddings, by a graph that is compiled for this."""
    import mindspore

    def run(images: Any) -> Any:
        return model(images)

    return [tensor.asnumpy() for tensor in mindspore.jit(run)(images)]

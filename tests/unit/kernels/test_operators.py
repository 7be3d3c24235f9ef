"""Every part that oneDNN's kernels make gives what MindSpore's own gives, and the same gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Arrays = list[npt.NDArray[np.float32]]
Make = Callable[[Any], Any]
# Largest difference over the largest value. bfloat16 keeps 8 bits of each map and gradient; sums are of float32.
TOLERANCE = {"fp32": 1e-4, "bf16": 3e-2}
EXPECTED: dict[str, Arrays] = {}
"""What MindSpore's own give, by case."""


@dataclass(frozen=True)
class Case:
    """A part and what it takes: shapes (N, C, H, W); `vectors` are of those that stay float32, `grid` rounds values so
    that maxima tie."""

    make: Make
    shapes: tuple[tuple[int, ...], ...] = ((3, 16, 9, 11),)
    vectors: tuple[int, ...] = ()
    training: bool = True
    grid: bool = False
    gives: str = "maps"
    tupled: bool = False
    images: bool = False


CASES = {
    "convolution 3x3": Case(lambda k: k.convolution(16, 24, 3, padding=1)),
    "convolution 1x1, stride 2": Case(lambda k: k.convolution(16, 8, 1, 2)),
    "convolution 1x1, wide": Case(lambda k: k.convolution(64, 112, 1), ((2, 64, 9, 11),)),
    "convolution 1x1, strips filled up": Case(lambda k: k.convolution(160, 80, 1), ((2, 160, 9, 11),)),
    "convolution 7x7, stride 2, of images": Case(
        lambda k: k.convolution(3, 16, 7, 2, 3, of_images=True), ((2, 3, 21, 20),), images=True
    ),
    "convolution, unpadded, stride 2": Case(lambda k: k.convolution(16, 8, 3, 2)),
    "convolution 1x7": Case(lambda k: k.convolution(16, 8, (1, 7), padding=(0, 3))),
    "convolution, dilated, bias": Case(lambda k: k.convolution(16, 8, 3, padding=4, dilation=4, bias=True)),
    "convolution, 4 groups, stride 2": Case(lambda k: k.convolution(16, 32, 3, 2, 1, groups=4)),
    "convolution, depthwise 5x5": Case(lambda k: k.convolution(16, 16, 5, padding=2, groups=16)),
    "convolution to one channel, bias": Case(lambda k: k.convolution(16, 1, 1, bias=True)),
    "norm": Case(lambda k: k.norm(16, 1e-3)),
    "norm, ReLU": Case(lambda k: k.norm(16, activate=True)),
    "norm, addition, ReLU": Case(lambda k: k.norm(16), ((3, 16, 9, 11), (3, 16, 9, 11))),
    "norm of one value a channel": Case(lambda k: k.norm(16), ((1, 16, 1, 2),)),
    "fixed norm": Case(lambda k: k.norm(16), training=False),
    "fixed norm, ReLU": Case(lambda k: k.norm(16, activate=True), training=False),
    "fixed norm, addition, ReLU": Case(lambda k: k.norm(16), ((3, 16, 9, 11), (3, 16, 9, 11)), training=False),
    "maximum pool": Case(lambda k: k.maximum_pool(3, 2)),
    "maximum pool, padded": Case(lambda k: k.maximum_pool(3, 2, 1), grid=True),
    "maximum pool, same": Case(lambda k: k.maximum_pool(3, 2, None), ((2, 16, 12, 9),), grid=True),
    "mean pool, same": Case(lambda k: k.mean_pool(2, 2, None)),
    "mean pool, padded": Case(lambda k: k.mean_pool(3, 1, 1)),
    "residual": Case(lambda k: k.residual(0.17, False), ((3, 16, 9, 11), (3, 16, 9, 11))),
    "residual, ReLU": Case(lambda k: k.residual(0.2, True), ((3, 16, 9, 11), (3, 16, 9, 11))),
    "concatenation": Case(lambda k: k.concatenation(), ((2, 16, 5, 6), (2, 8, 5, 6), (2, 24, 5, 6)), tupled=True),
    "mean": Case(lambda k: k.mean(), gives="vectors"),
    "embedding": Case(lambda k: k.embedding(), ((3, 80, 9, 11),), gives="embedding"),
    "maximum": Case(lambda k: k.maximum(), ((3, 80, 9, 11),), gives="vectors", grid=True),
    "across channels": Case(lambda k: k.across_channels(), gives="vectors", grid=True),
    "gate of channels": Case(lambda k: k.gate("channels"), ((3, 80, 9, 11), (3, 80, 1, 1)), (1,)),
    "gate of channels, addition": Case(
        lambda k: k.gate("channels"), ((3, 80, 9, 11), (3, 80, 1, 1), (3, 80, 9, 11)), (1,)
    ),
    "gate of positions": Case(lambda k: k.gate("positions"), ((3, 80, 9, 11), (3, 1, 9, 11)), (1,)),
    "gate of positions, addition": Case(
        lambda k: k.gate("positions"), ((3, 80, 9, 11), (3, 1, 9, 11), (3, 80, 9, 11)), (1,)
    ),
    "gate by both": Case(lambda k: k.gate_by_both(), ((3, 80, 9, 11), (3, 80, 1, 1), (3, 1, 9, 11)), (1, 2)),
}


IN_HALF = ("convolution 3x3", "convolution 1x1, wide", "norm, addition, ReLU", "maximum pool, padded", "gate by both")
"""A part of each family, always checked in bfloat16; the others differ in sizes and strides, which float32 tells."""


def _pairs() -> list[Any]:
    marks = {name: [] if name in IN_HALF else [pytest.mark.slow, pytest.mark.thorough] for name in CASES}
    in_half = [pytest.param(name, "bf16", marks=marks[name]) for name in CASES]
    return [(name, "fp32") for name in CASES] + in_half


@pytest.mark.parametrize(("name", "kernels"), _pairs(), indirect=["kernels"])
def test_parts_and_their_gradients_agree(name: str, kernels: Any, mindspore: Any) -> None:
    from shelfmind.kernels.stock import STOCK

    case = CASES[name]
    generator = np.random.default_rng(sum(name.encode()))
    inputs = [generator.normal(0.3, 1, shape).astype(np.float32) for shape in case.shapes]
    if case.grid:
        inputs = [np.round(values * 2) / 2 for values in inputs]
    inputs = [_rounded(values) for values in inputs]  # to bfloat16, so that maxima lie at the same places
    if name not in EXPECTED:
        EXPECTED[name] = _worked_out(case, STOCK, inputs, mindspore)
    expected = EXPECTED[name]
    found = _worked_out(case, kernels, inputs, mindspore)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        scale = max(1e-3, float(np.abs(theirs).max()))
        assert np.abs(ours - theirs).max() <= TOLERANCE[kernels.precision] * scale


def test_a_fork_adds_the_gradients_of_all_readers(kernels: Any, mindspore: Any) -> None:
    nn = mindspore.nn

    class Weighted(nn.Cell):  # type: ignore[misc, name-defined]
        def __init__(self, ways: int) -> None:
            super().__init__()
            self.into, self.fork, self.out = _into(kernels), kernels.fork(ways), kernels.plain_maps()

        def construct(self, images: Any) -> Any:
            total = 0.0
            for number, each in enumerate(self.fork(self.into(images))):
                total = total + (self.out(each) * (number + 1)).sum()
            return total

    images = mindspore.Tensor(np.random.default_rng(0).normal(size=(2, 16, 5, 4)).astype(np.float32))
    for ways in (2, 3, 4):
        gradient = mindspore.jit(mindspore.grad(Weighted(ways)))(images).asnumpy()
        assert np.all(gradient == sum(range(1, ways + 1)))


def _worked_out(case: Case, kernels: Any, inputs: Arrays, mindspore: Any) -> Arrays:
    """Result, statistics that changed, and gradients of inputs and parameters, all as (N, C, H, W)."""
    from shelfmind.models.network import eagerly

    part = case.make(kernels)
    generator = np.random.default_rng(1)
    for parameter in part.get_parameters():
        values = generator.normal(0, 0.3, parameter.shape) + (1 if "gamma" in parameter.name else 0)
        if "variance" in parameter.name:
            values = 0.5 + np.abs(values)
        parameter.set_data(mindspore.Tensor(values.astype(np.float32)))
    part.set_train(case.training)
    ours = kernels.name == "onednn"
    moved = [ours and number in case.vectors for number in range(len(inputs))]
    tensors = [mindspore.Tensor(_last_axis(v) if move else v) for v, move in zip(inputs, moved, strict=True)]
    around = _around(case, kernels, part, moved, mindspore)
    weights = generator.normal(size=_size_of(case, inputs, mindspore)).astype(np.float32)
    weights = mindspore.Tensor(_last_axis(weights) if ours and case.gives == "vectors" else weights)

    def weighted(*tensors: Any) -> Any:
        maps = around(*tensors)
        return (maps * weights).sum(), maps

    trained = part.trainable_params() or None
    run = mindspore.value_and_grad(weighted, tuple(range(len(tensors))), trained, has_aux=True)
    with nullcontext() if ours else eagerly():  # what is expected is not compiled, which takes most of the time
        (_, maps), gradients = (mindspore.jit(run) if ours else run)(*tensors)
    of_inputs, of_parameters = gradients if trained else (gradients, ())
    found = [_first_axis(maps.asnumpy()) if ours and case.gives == "vectors" else maps.asnumpy()]
    found += [p.asnumpy() for p in part.get_parameters() if "moving" in p.name]
    of_inputs = of_inputs if isinstance(of_inputs, tuple) else (of_inputs,)
    for tensor, move in zip(of_inputs, moved, strict=True):
        found.append(_first_axis(tensor.asnumpy()) if move else tensor.asnumpy())
    return found + [tensor.asnumpy() for tensor in of_parameters]


def _around(case: Case, kernels: Any, part: Any, moved: list[bool], mindspore: Any) -> Any:
    """The part with the way of its maps from and to (N, C, H, W)."""
    nn = mindspore.nn

    class Around(nn.Cell):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            plain = kernels.name == "mindspore" or case.images
            self.before = nn.CellList([nn.Identity() if plain or move else _into(kernels) for move in moved])
            self.part = part
            self.after = kernels.plain_maps() if case.gives == "maps" else nn.Identity()
            self.tupled = case.tupled

        def construct(self, *tensors: Any) -> Any:
            prepared = ()
            for number, into in enumerate(self.before):
                prepared += (into(tensors[number]),)
            return self.after(self.part(prepared) if self.tupled else self.part(*prepared))

    return Around()


def _size_of(case: Case, inputs: Arrays, mindspore: Any) -> tuple[int, ...]:
    from shelfmind.kernels.stock import STOCK
    from shelfmind.models.network import eagerly

    part, tensors = case.make(STOCK), tuple(map(mindspore.Tensor, inputs))
    part.set_train(False)
    with eagerly():
        return tuple((part(tensors) if case.tupled else part(*tensors)).shape)


def _into(kernels: Any) -> Any:
    from shelfmind.kernels.operators.maps import ChangeLayout

    return ChangeLayout(kernels.dtype, to_images=False)


def _last_axis(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(np.moveaxis(values, 1, -1))


def _first_axis(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.moveaxis(values, -1, 1)


def _rounded(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    bits = values.view(np.uint32)
    return ((bits + 0x8000) & np.uint32(0xFFFF0000)).view(np.float32)

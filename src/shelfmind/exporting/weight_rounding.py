"""Round weights to integers so as to minimise the error of a convolution's output, not of the weights.

Weights are rounded one input at a time. The weights not yet rounded compensate for each rounding error, as far as the
inputs are correlated (Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
Transformers", ICLR 2023; Frantar and Alistarh, "Optimal Brain Compression", NeurIPS 2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from shelfmind.arrays import Floats, Ints, Wide
from shelfmind.exporting.inner_tensors import inner_tensors
from shelfmind.inference.engines import Batch

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

POSITIONS = 32
"""Number of positions per feature map and image from which second moments are estimated."""
DAMPING = 0.01
"""Damping relative to the mean squared input, so that rare inputs do not dominate."""
COLUMNS = 128
"""Number of inputs whose errors are propagated to the others at once, which is faster."""
MAX_VALUES = 127
TOGETHER = 1 << 26
"""Maximum number of values in second moments in memory. Further convolutions need another pass over the images."""
SEED = 0

Moments = Floats


def rounded_weights(model: ModelProto, scales: dict[str, Floats], images: Batch) -> Iterator[tuple[str, Ints]]:
    """Yield the integer weights (O, C, H, W) of convolutions by node name.

    Args:
        model: the model in fp32, with folded normalisation.
        scales: scales per channel (O,) by node name; other convolutions are skipped.
        images: images (N, S, S, 3) to compute the inputs from.
    """
    from onnx import numpy_helper

    weights = {each.name: each for each in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.name in scales]
    kernels = {node.name: numpy_helper.to_array(weights[node.input[1]]) for node in convolutions}
    for some in _batches_in_memory(convolutions, kernels):
        moments = second_moments(model, some, kernels, images)
        for node in some:
            kernel, groups = kernels[node.name], moments.pop(node.name)
            parts = zip(
                np.split(kernel.reshape(len(kernel), -1), len(groups)),
                np.split(scales[node.name], len(groups)),
                groups,
                strict=True,
            )
            yield node.name, np.concatenate([rounded(*each) for each in parts]).reshape(kernel.shape)


def rounded(weights: Floats, scales: Floats, moments: Moments) -> Ints:
    """Round weights (O, I) with a scale per row (O,) to integers (O, I), by second moments of the inputs (I, I)."""
    order = np.argsort(-np.diag(moments), kind="stable")  # strongest first: others can still compensate
    left = weights[:, order].astype(np.float64)
    damped: Wide = moments[np.ix_(order, order)].astype(np.float64)
    damped[np.diag_indices_from(damped)] += DAMPING * np.diag(damped).mean() + 1e-12
    upper = _factor_of_inverse(damped)
    integers = np.empty_like(left)
    for start in range(0, left.shape[1], COLUMNS):
        end = min(start + COLUMNS, left.shape[1])
        errors = np.empty((len(left), end - start))
        for at in range(start, end):
            integers[:, at] = np.clip(np.round(left[:, at] / scales), -MAX_VALUES, MAX_VALUES)
            error = (left[:, at] - integers[:, at] * scales) / upper[at, at]
            left[:, at:end] -= np.outer(error, upper[at, at:end])
            errors[:, at - start] = error
        left[:, end:] -= errors @ upper[start:end, end:]
    placed = np.empty(integers.shape, np.int64)
    placed[:, order] = integers
    return placed


def _factor_of_inverse(matrix: Wide) -> Wide:
    """Return the upper Cholesky factor of the inverse, by one decomposition of the flipped matrix."""
    from scipy.linalg import cholesky, lapack

    inverse, _ = lapack.dtrtri(cholesky(matrix[::-1, ::-1], lower=True), lower=1)
    return np.asarray(inverse[::-1, ::-1], np.float64)


def second_moments(
    model: ModelProto, convolutions: Sequence[NodeProto], kernels: dict[str, Floats], images: Batch
) -> dict[str, Moments]:
    """Return the second moments (groups, I, I) of the inputs of convolutions, summed over positions, by name."""
    rng = np.random.default_rng(SEED)
    sums: dict[str, Any] = {node.name: 0 for node in convolutions}
    for found in inner_tensors(model, list(dict.fromkeys(node.input[0] for node in convolutions)), images):
        for node in convolutions:
            patches = _patches(found[node.input[0]], node, kernels[node.name].shape[2:], rng)
            sums[node.name] = sums[node.name] + patches.transpose(0, 2, 1) @ patches
    return sums


def _patches(maps: Floats, node: NodeProto, kernel: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Return the input patches (groups, positions, I) of a convolution at some positions of maps (N, C, H, W)."""
    attributes = {each.name: each for each in node.attribute}

    def pair(name: str, default: list[int]) -> list[int]:
        return list(attributes[name].ints) if name in attributes else default

    top, left, bottom, right = pair("pads", [0, 0, 0, 0])
    (down, across), (tall, wide) = pair("strides", [1, 1]), pair("dilations", [1, 1])
    groups = attributes["group"].i if "group" in attributes else 1
    padded = np.pad(maps, ((0, 0), (0, 0), (top, bottom), (left, right)))
    reach = ((kernel[0] - 1) * tall + 1, (kernel[1] - 1) * wide + 1)
    windows = sliding_window_view(padded, reach, axis=(2, 3))[:, :, ::down, ::across, ::tall, ::wide]  # type: ignore[call-overload]
    count, _, height, width = windows.shape[:4]
    positions = rng.choice(count * height * width, min(POSITIONS * count, count * height * width), replace=False)
    image, row, column = np.unravel_index(positions, (count, height, width))
    return np.ascontiguousarray(windows[image, :, row, column].reshape(len(positions), groups, -1).transpose(1, 0, 2))


def _batches_in_memory(convolutions: Sequence[NodeProto], kernels: dict[str, Floats]) -> Iterator[list[NodeProto]]:
    """Group convolutions whose second moments fit into memory together."""
    some: list[NodeProto] = []
    held = 0
    for node in convolutions:
        size = int(np.prod(kernels[node.name].shape[1:])) ** 2  # of one group; many groups are small
        if some and held + size > TOGETHER:
            yield some
            some, held = [], 0
        some.append(node)
        held += size
    if some:
        yield some

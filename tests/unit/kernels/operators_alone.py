"""Calls operators of the library at the given path with two threads, without MindSpore; prints those that are wrong."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np

Array = Any
Pairs = list[tuple[Array, Array]]
"""Results, and what NumPy gives."""
IMAGES, SIDE, CHANNELS, EPSILON = 3, 8, 32, 1e-5
LIBRARY = ctypes.CDLL(sys.argv[1])
RANDOM = np.random.default_rng(0)


def normal(*shape: int) -> Array:
    return RANDOM.normal(size=shape).astype(np.float32)


def numbers(*values: float) -> Array:
    return np.array(values, np.float32)


def call(name: str, inputs: list[Array], *shapes: tuple[int, ...]) -> list[Array]:
    """The outputs of these shapes."""
    outputs = [np.full(shape, -7, np.float32) for shape in shapes]
    arrays = [np.ascontiguousarray(array) for array in [*inputs, *outputs]]
    sizes = [(ctypes.c_int64 * array.ndim)(*array.shape) for array in arrays]
    failed = getattr(LIBRARY, name)(
        len(arrays),
        (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays]),
        (ctypes.c_int * len(arrays))(*[array.ndim for array in arrays]),
        (ctypes.c_void_p * len(arrays))(*[ctypes.addressof(size) for size in sizes]),
        (ctypes.c_char_p * len(arrays))(*[str(array.dtype).encode() for array in arrays]),
        None,
        None,
    )
    assert failed == 0
    return arrays[len(inputs) :]


def maps() -> Array:
    return normal(IMAGES, SIDE, SIDE, CHANNELS)


def sum_of_maps() -> Pairs:
    a, b = maps(), maps()
    (found,) = call("sum_of_maps", [a, b], a.shape)
    return [(found, a + b)]


def norm() -> Pairs:
    x, gamma, beta = maps(), normal(CHANNELS), normal(CHANNELS)
    vectors = [(2, CHANNELS), (CHANNELS,), (CHANNELS,)]
    inputs = [x, gamma, beta, normal(CHANNELS), np.ones_like(beta), numbers(EPSILON, 0.9)]
    found, saved, *_ = call("norm", inputs, x.shape, *vectors)
    mean, inverse = x.mean((0, 1, 2)), 1 / np.sqrt(x.var((0, 1, 2)) + EPSILON)
    return [(found, (x - mean) * inverse * gamma + beta), (saved, np.stack([mean, inverse]))]


def gate_channels() -> Pairs:
    x, change, logits = maps(), maps(), normal(IMAGES, 1, 1, CHANNELS)
    (found,) = call("gate_channels", [x, logits], x.shape)
    of_x, of_logits = call("gate_channels_back", [x, logits, change], x.shape, logits.shape)
    gates = 1 / (1 + np.exp(-logits))
    slopes = (change * x * gates * (1 - gates)).sum((1, 2), keepdims=True)
    return [(found, x * gates), (of_x, change * gates), (of_logits, slopes)]


def convolution() -> Pairs:
    x, weights, change = maps(), normal(CHANNELS, CHANNELS, 1, 1), normal(IMAGES, SIDE // 2, SIDE // 2, CHANNELS)
    window = np.array([2, 2, 0, 0, 0, 0, 1, 1, 1], np.int64)
    (found,) = call("convolution", [x, weights, window], change.shape)
    (of_weights,) = call("convolution_of_weights", [x, change, window, weights], weights.shape)
    read = x[:, ::2, ::2]
    slopes = np.einsum("nyxo,nyxc->oc", change, read)[..., None, None]
    return [(found, read @ weights[..., 0, 0].T), (of_weights, slopes)]


def update() -> Pairs:
    weights, velocities, averages, gradients = (normal(1000) for _ in range(4))
    speeds = 0.9 * velocities + gradients
    expected = weights - 0.1 * (gradients + 0.9 * speeds)
    means = averages + (expected - averages) * 0.01
    settings = [numbers(0.9), numbers(0.1), numbers(0.99), numbers(0), numbers(0)]
    call("update", [*settings, weights, velocities, averages, gradients], (1,))
    return [(weights, expected), (velocities, speeds), (averages, means)]


def main() -> None:
    LIBRARY.shelfmind_start(2)
    for each in (sum_of_maps, norm, gate_channels, convolution, update):
        if not all(np.allclose(found, expected, rtol=1e-3, atol=1e-3) for found, expected in each()):
            print(each.__name__)
    if ctypes.CDLL("libgomp.so.1").omp_get_dynamic():
        print("OpenMP may still choose fewer threads")


if __name__ == "__main__":
    main()

"""How fast this machine multiplies matrices: what most of a training's time depends on."""

from __future__ import annotations

import time

import numpy as np

_SIDE = 512
_LEAST_PRODUCTS = 5


def matrix_gflops(seconds: float = 0.5) -> float:
    """Billions of floating-point operations a second of NumPy's matrix products, by the quickest of what fits into
    `seconds`: what the machine gives while nothing else uses it, as nearly as can be told while something does."""
    matrix = np.ones((_SIDE, _SIDE), np.float32)
    matrix @ matrix  # starts the threads
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < _LEAST_PRODUCTS or time.perf_counter() - began < seconds:
        before = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - before)
    return float(2 * _SIDE**3 / min(times) / 1e9)

"""Measures the matrix multiplication speed of a core, which dominates training time."""

from __future__ import annotations

import time

import numpy as np

_SIDE = 512
_MIN_PRODUCTS = 5


def matrix_gflops(seconds: float = 0.5) -> float:
    """Billions of floating-point operations per second of core time in NumPy's matrix products.

    The median of what fits into `seconds`. Uses core time instead of wall time, so that other load hardly matters.
    """
    matrix = np.ones((_SIDE, _SIDE), np.float32)
    matrix @ matrix  # starts the threads
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < _MIN_PRODUCTS or time.perf_counter() - began < seconds:
        before = time.process_time()
        matrix @ matrix
        times.append(time.process_time() - before)
    return float(2 * _SIDE**3 / np.median(times) / 1e9)

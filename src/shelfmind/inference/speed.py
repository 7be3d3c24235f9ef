"""Measure the inference speed of a network on this machine."""

from __future__ import annotations

import time

import mindspore
import numpy as np
from mindspore import Tensor

from shelfmind.models import create_model

WARMUP_STEPS = 30
"""Number of warm-up calls. MindSpore times each kernel's first 25 calls to choose its number of threads."""


def inference_speed(name: str, image_size: int = 224, batch_size: int = 8, steps: int = 10) -> float:
    """Return images/s of forward passes in graph mode, the median of `steps`."""
    model = create_model(name, 1000)
    model.set_train(False)

    @mindspore.jit
    def run(images: Tensor) -> Tensor:
        return model(images)[0]

    images = Tensor(np.zeros((batch_size, 3, image_size, image_size), np.float32))
    seconds = []
    for step in range(WARMUP_STEPS + steps):
        began = time.perf_counter()
        run(images).asnumpy()
        if step >= WARMUP_STEPS:
            seconds.append(time.perf_counter() - began)
    return batch_size / float(np.median(seconds))

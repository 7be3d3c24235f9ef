"""The MindSpore worker of `throughput.py`: shelfmind's own compiled training step and forward pass."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import Any

import numpy as np
from worker_pipe import serve

from shelfmind.machine.device import start_mindspore

mindspore = start_mindspore("CPU")

from mindspore import Parameter, Tensor  # noqa: E402

from shelfmind.inference.engines.mindspore import MindSporeEngine  # noqa: E402
from shelfmind.losses import build_loss  # noqa: E402
from shelfmind.models import create_model  # noqa: E402
from shelfmind.recipe import LossRecipe, Recipe, TrainRecipe  # noqa: E402
from shelfmind.training.optimizer import build_optimizer  # noqa: E402
from shelfmind.training.step import build_step  # noqa: E402

LAST_OF_BRANCH = ("branch.2.norm.gamma", "branch.1.norm.gamma")
"""Of bottlenecks and of blocks of two convolutions; the first of these scales an inner convolution, too."""
VARIABLES = ("ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS", "MS_DEV_RUNTIME_CONF")


def main() -> None:
    """Serve until the coordinator closes the pipe. Arguments: model, classes, image size, batch size."""
    name, classes, size, count = sys.argv[1], *map(int, sys.argv[2:5])
    generator = np.random.default_rng(0)
    images = generator.normal(0, 1, (count, 3, size, size)).astype(np.float32)
    targets = np.eye(classes, dtype=np.float32)[generator.integers(classes, size=count)]
    made: dict[str, Any] = {}

    def start(path: str, lr: float, weight_decay: float, smoothing: float, decay: float) -> dict[str, Any]:
        model, averaged = create_model(name, classes), create_model(name, classes)
        for parameter in [*model.get_parameters(), *averaged.get_parameters()]:
            # Branches start at 0 in shelfmind; here every layer counts, so that equal losses mean equal networks.
            if parameter.name.endswith(LAST_OF_BRANCH):
                parameter.set_data(Tensor(np.full(parameter.shape, 0.5, np.float32)))
        weights = {parameter.name: parameter.asnumpy() for parameter in model.get_parameters()}
        np.savez(path, images=images, targets=targets, **weights)
        model.set_train(True)
        averaged.update_parameters_name("averaged.")
        optimizer = build_optimizer(model.trainable_params(), TrainRecipe(lr=lr, weight_decay=weight_decay))
        loss = build_loss(LossRecipe(label_smoothing=smoothing), np.ones(targets.shape[1], np.int64))
        made.update(step=build_step(model, averaged, optimizer, loss), decay=decay)
        made["forward"] = MindSporeEngine(averaged, Recipe()).run
        return {
            "version": f"MindSpore {mindspore.__version__}",
            "parameters": sum(parameter.size for parameter in model.trainable_params()),
            "nesterov": _nesterov(),
            "environment": {key: os.environ[key] for key in VARIABLES if key in os.environ},
        }

    def train() -> float:
        return float(
            made["step"](
                Tensor(images), Tensor(targets), Tensor(np.float32(made["decay"])), Tensor(np.float32(0))
            ).asnumpy()
        )

    def infer() -> float:
        probabilities, embedding = made["forward"](Tensor(images))
        embedding.asnumpy()
        return float(probabilities.asnumpy().max())

    def run(task: str, layout: str, steps: int) -> dict[str, Any]:
        values = []
        began = time.perf_counter()
        for _ in range(steps):
            values.append(train() if task == "training" else infer())
        seconds = time.perf_counter() - began
        if not all(map(math.isfinite, values)):
            raise SystemExit(f"{task} gave {values[-1]}")
        return {"seconds": seconds, "values": values}

    serve({"start": start, "run": run})


def _nesterov() -> bool:
    """Whether shelfmind's sgd really takes Nesterov's step here: on CPUs MindSpore's `nn.Momentum` ignores it."""
    weight = Parameter(Tensor(np.zeros((2, 2), np.float32)), name="probe.weight")
    bias = Parameter(Tensor(np.zeros(2, np.float32)), name="probe.bias")
    optimizer = build_optimizer([weight, bias], TrainRecipe(lr=1.0, momentum=0.5, weight_decay=0.0))
    optimizer((Tensor(np.ones((2, 2), np.float32)), Tensor(np.ones(2, np.float32))))
    return bool(weight.asnumpy()[0, 0] < -1.25)  # -1 after a plain first step, -1.5 after Nesterov's


if __name__ == "__main__":
    main()

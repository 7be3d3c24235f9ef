"""The MindSpore worker of `throughput.py`: shelfmind's training step and forward pass on each set of kernels."""

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
from shelfmind.kernels.choice import ONEDNN, choose, kernels_of  # noqa: E402
from shelfmind.losses import build_loss  # noqa: E402
from shelfmind.machine.cores import available_cores  # noqa: E402
from shelfmind.models import create_model  # noqa: E402
from shelfmind.recipe import LossRecipe, Recipe, TrainRecipe  # noqa: E402
from shelfmind.training.optimizer import build_optimizer  # noqa: E402
from shelfmind.training.step import averages_of, build_step  # noqa: E402

VARIABLES = ("ONEDNN_MAX_CPU_ISA", "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MS_DEV_RUNTIME_CONF")
KERNELS = {"mindspore": ("mindspore", "off"), "onednn_fp32": ("onednn", "off"), "onednn_bf16": ("onednn", "on")}
"""Values of `train.kernels` and `train.amp` in each variant."""
Arrays = dict[str, np.ndarray]


class Subject:
    """One network on one set of kernels, with its averaged copy and its optimizer."""

    def __init__(self, name: str, variant: str, weights: Arrays, settings: dict[str, float], batch: Arrays) -> None:
        cores, classes = available_cores(), batch["targets"].shape[1]
        choice = choose(*KERNELS[variant], "CPU", cores)
        self.batch, self.decay = batch, settings["decay"]
        self.model = create_model(name, classes, kernels=kernels_of(choice, cores))
        averaged = create_model(name, classes, kernels=kernels_of(choice, cores, "fp32"))
        for parameter in [*self.model.get_parameters(), *averaged.get_parameters()]:
            parameter.set_data(Tensor(weights[parameter.name]))
        self.model.set_train(True)
        averaged.update_parameters_name("averaged.")
        recipe = TrainRecipe(lr=settings["lr"], weight_decay=settings["weight_decay"])
        optimizer = build_optimizer(self.model.trainable_params(), recipe)
        loss = build_loss(LossRecipe(label_smoothing=settings["smoothing"]), np.ones(classes, np.int64))
        averages = averages_of(self.model, averaged)
        self.step = build_step(self.model, averages, optimizer, loss, fused=choice.name == ONEDNN)
        self.forward = MindSporeEngine(averaged, Recipe()).run

    def train(self) -> float:
        """Run one step. Return the loss."""
        images, targets = Tensor(self.batch["images"]), Tensor(self.batch["targets"])
        return float(self.step(images, targets, Tensor(np.float32(self.decay)), Tensor(np.float32(0))).asnumpy())

    def infer(self) -> float:
        """Run one forward pass of the averaged weights. Return the largest probability."""
        probabilities, embedding = self.forward(Tensor(self.batch["images"]))
        embedding.asnumpy()
        return float(probabilities.asnumpy().max())


def main() -> None:
    """Serve until the coordinator closes the pipe. Arguments: model, classes, image size, batch size, variants."""
    name, classes, size, count = sys.argv[1], *map(int, sys.argv[2:5])
    generator = np.random.default_rng(0)
    images = generator.normal(0, 1, (count, 3, size, size)).astype(np.float32)
    batch = {"images": images, "targets": np.eye(classes, dtype=np.float32)[generator.integers(classes, size=count)]}
    subjects: dict[str, Subject] = {}

    def start(path: str, **settings: float) -> dict[str, Any]:
        weights = {parameter.name: parameter.asnumpy() for parameter in create_model(name, classes).get_parameters()}
        for parameter, values in weights.items():
            # Branches start at 0 in shelfmind; here every layer matters, so that equal losses mean equal networks.
            if parameter.endswith("norm.gamma") and not values.any():
                weights[parameter] = np.full_like(values, 0.5)
        np.savez(path, **batch, **weights)
        for variant in sys.argv[5:]:
            subjects[variant] = Subject(name, variant, weights, settings, batch)
        model = subjects[sys.argv[5]].model
        return {
            "version": f"MindSpore {mindspore.__version__}",
            "parameters": sum(parameter.size for parameter in model.trainable_params()),
            "nesterov": takes_nesterovs_step(),
            "environment": {key: os.environ[key] for key in VARIABLES if key in os.environ},
        }

    def run(task: str, variant: str, steps: int) -> dict[str, Any]:
        subject = subjects[variant]
        values = []
        began = time.perf_counter()
        for _ in range(steps):
            values.append(subject.train() if task == "training" else subject.infer())
        seconds = time.perf_counter() - began
        if not all(map(math.isfinite, values)):
            raise SystemExit(f"{task} gave {values[-1]}")
        return {"seconds": seconds, "values": values}

    serve({"start": start, "run": run})


def takes_nesterovs_step() -> bool:
    """Return whether shelfmind's SGD takes Nesterov steps here: MindSpore's `nn.Momentum` ignores them on CPUs."""
    weight = Parameter(Tensor(np.zeros((2, 2), np.float32)), name="probe.weight")
    bias = Parameter(Tensor(np.zeros(2, np.float32)), name="probe.bias")
    optimizer = build_optimizer([weight, bias], TrainRecipe(lr=1.0, momentum=0.5, weight_decay=0.0))
    optimizer((Tensor(np.ones((2, 2), np.float32)), Tensor(np.ones(2, np.float32))))
    return bool(weight.asnumpy()[0, 0] < -1.25)  # -1 after a plain first step, -1.5 after Nesterov's


if __name__ == "__main__":
    main()

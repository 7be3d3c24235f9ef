"""The PyTorch worker of `throughput.py`: eager training steps and forward passes in fp32, in two memory layouts,
and with bfloat16 autocast."""

from __future__ import annotations

import copy
import math
import os
import sys
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_models import create_model
from worker_pipe import serve

VARIANTS = {
    "contiguous": (torch.contiguous_format, False),
    "channels_last": (torch.channels_last, False),
    "torch_bf16": (torch.channels_last, True),
}
"""Memory layout, and whether training computes in bfloat16."""
RENAMED = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


class Subject:
    """One network in one variant, with its averaged copy and its optimizer."""

    def __init__(self, start: nn.Module, variant: str, lr: float, weight_decay: float, nesterov: bool) -> None:
        self.format, self.half = VARIANTS[variant]
        self.model = copy.deepcopy(start).to(memory_format=self.format).train()
        self.averaged = copy.deepcopy(self.model).eval().requires_grad_(False)
        parameters = list(self.model.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.SGD(groups, lr, momentum=0.9, nesterov=nesterov, fused=True)
        self.source, self.target = _floats(self.model), _floats(self.averaged)

    def train(self, images: np.ndarray, targets: np.ndarray, smoothing: float, decay: float) -> float:
        """Run one step. Return the loss."""
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            logits, _ = self.model(torch.from_numpy(images).contiguous(memory_format=self.format))
        loss = functional.cross_entropy(logits.float(), torch.from_numpy(targets), label_smoothing=smoothing)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.target, self.source, 1 - decay)
        return float(loss.item())

    def infer(self, images: np.ndarray) -> float:
        """Run one forward pass of the averaged weights. Return the largest probability."""
        with torch.inference_mode():
            logits, embedding = self.averaged(torch.from_numpy(images).contiguous(memory_format=self.format))
            probabilities = torch.softmax(logits, 1).numpy()
            embedding.numpy()
        return float(probabilities.max())


def _floats(model: nn.Module) -> list[Tensor]:
    return [value.detach() for value in model.state_dict(keep_vars=True).values() if value.is_floating_point()]


def fill(model: nn.Module, weights: dict[str, np.ndarray]) -> None:
    """Set every weight and running statistic from shelfmind's, by name."""
    state = {}
    for name, value in weights.items():
        layer, _, kind = name.rpartition(".")
        state[f"{layer}.{RENAMED.get(kind, kind)}"] = torch.from_numpy(value)
    missing, unexpected = model.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise SystemExit(f"the networks differ: {missing[:3]} are missing, {unexpected[:3]} unknown")


def main() -> None:
    """Serve until the coordinator closes the pipe. Arguments: model, classes, variants."""
    name, classes = sys.argv[1], int(sys.argv[2])
    os.environ.pop("ONEDNN_MAX_CPU_ISA", None)  # MindSpore may need it; it would slow PyTorch down
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    subjects: dict[str, Subject] = {}
    batch: dict[str, Any] = {}

    def start(
        path: str, lr: float, weight_decay: float, smoothing: float, decay: float, nesterov: bool
    ) -> dict[str, Any]:
        with np.load(path) as archive:
            content = {key: archive[key] for key in archive.files}
        batch.update(images=content.pop("images"), targets=content.pop("targets"), smoothing=smoothing, decay=decay)
        model = create_model(name, classes)
        fill(model, content)
        for variant in sys.argv[3:]:
            subjects[variant] = Subject(model, variant, lr, weight_decay, nesterov)
        return {
            "version": f"PyTorch {torch.__version__}",
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "threads": torch.get_num_threads(),
        }

    def run(task: str, variant: str, steps: int) -> dict[str, Any]:
        subject = subjects[variant]
        values = []
        began = time.perf_counter()
        for _ in range(steps):
            if task == "training":
                values.append(subject.train(**batch))
            else:
                values.append(subject.infer(batch["images"]))
        seconds = time.perf_counter() - began
        if not all(map(math.isfinite, values)):
            raise SystemExit(f"{task} gave {values[-1]}")
        return {"seconds": seconds, "values": values}

    serve({"start": start, "run": run})


if __name__ == "__main__":
    main()

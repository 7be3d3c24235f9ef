"""The PyTorch worker of `time_to_accuracy.py`: training steps on given batches, and predictions."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch_models import create_model
from torch_worker import Subject, fill
from worker_pipe import serve


def main() -> None:
    """Serve until the coordinator closes the pipe. Arguments: model, classes, variant."""
    name, classes, variant = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    os.environ.pop("ONEDNN_MAX_CPU_ISA", None)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    subjects: list[Subject] = []

    def start(path: str, weight_decay: float, nesterov: bool) -> dict[str, Any]:
        model = create_model(name, classes)
        with np.load(path) as archive:
            fill(model, dict(archive))
        subjects.append(Subject(model, variant, 0.0, weight_decay, nesterov))
        return {"version": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()}

    def step(path: str, lr: float, smoothing: float, decay: float) -> dict[str, Any]:
        with np.load(path) as archive:
            images, targets = archive["images"], archive["targets"]
        for group in subjects[0].optimizer.param_groups:
            group["lr"] = lr
        began = time.perf_counter()
        loss = subjects[0].train(images, targets, smoothing, decay)
        return {"loss": loss, "seconds": time.perf_counter() - began}

    def answer(path: str) -> dict[str, Any]:
        """Return the top-1 class of each image, by the averaged weights."""
        averaged, found = subjects[0].averaged, []
        with np.load(path) as archive, torch.inference_mode():
            for images in np.array_split(archive["images"], max(1, len(archive["images"]) // 32)):
                logits, _ = averaged(torch.from_numpy(images).contiguous(memory_format=subjects[0].format))
                found += logits.argmax(1).tolist()
        return {"classes": found}

    def save(path: str) -> dict[str, Any]:
        subject, kept = subjects[0], Path(path)
        state = {key: getattr(subject, key).state_dict() for key in ("model", "averaged", "optimizer")}
        torch.save(state, kept.with_suffix(".new"))
        kept.with_suffix(".new").replace(kept)
        return {}

    def load(path: str) -> dict[str, Any]:
        for key, state in torch.load(path).items():
            getattr(subjects[0], key).load_state_dict(state)
        return {}

    serve({"start": start, "step": step, "answer": answer, "save": save, "load": load})


if __name__ == "__main__":
    main()

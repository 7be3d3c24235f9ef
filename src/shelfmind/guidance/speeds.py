"""Estimates of training time from measured steps: benchmarks/RESULTS.md, "Throughput compared with PyTorch"."""

from __future__ import annotations

import numpy as np

from shelfmind.guidance.situation import Machine, Photos
from shelfmind.model_facts import model_facts
from shelfmind.recipe import Recipe

KERNELS = {"mindspore": 0, "onednn": 1, "onednn_bf16": 2}
"""The columns of `_STEPS_MS`: MindSpore's kernels, oneDNN in fp32 and in bf16."""
MEASURED_CORES = 2
MEASURED_GFLOPS = 101.0
"""The result of `matrix_gflops` on the idle machine of `_STEPS_MS`."""
_STEPS_MS = {
    ("shelfnet_s", 32): {64: (174, 61, 46), 96: (282, 108, 72), 128: (534, 183, 124), 160: (702, 286, 175)},
    ("resnet50", 16): {112: (1046, 642, 393)},
    ("se_resnext50", 16): {112: (1451, 732, 447)},
    ("inception_resnet_v2", 16): {112: (1041, 626, 515)},
}
"""Milliseconds per training step by network and batch size, image size and kernels, on 2 cores."""
_STEPS = {name: (batch, steps) for (name, batch), steps in _STEPS_MS.items()}
_LIKE = "resnet50"
"""The measured network from which others are scaled by their multiply-adds."""
_FORWARD_SHARE = 1 / 3
"""Share of the forward pass in a training step in fp32: 15.1 vs. 49.0 images/s of ResNet-50 (same section)."""
_LOADING_MS = 1000 / 1473
"""Time to load a photo: RESULTS, "Data loading compared with Pillow", one worker, which uses the same cores."""
START_S, COMPILE_S, EPOCH_S = 15.0, 5.0, 0.5
"""Seconds to load MindSpore, read the photos and write the report; to compile the step per image size; and overhead
per epoch. From logs; RESULTS, "Estimated times", has the accuracy of the estimates."""


def milliseconds(network: str, size: int, kernels: str) -> float:
    """Milliseconds of training per photo of `size` pixels on the measured machine."""
    if network not in _STEPS:
        facts = {row["name"]: row["gflops"] for row in model_facts()}
        ratio = facts[network] / facts[_LIKE] if network in facts else 1.0
        return ratio * milliseconds(_LIKE, size, kernels)
    batch, steps = _STEPS[network]
    areas, times = zip(
        *((side**2, each[KERNELS[kernels]] / batch) for side, each in sorted(steps.items())), strict=True
    )
    beyond = size**2 / np.clip(size**2, areas[0], areas[-1])  # extrapolated in proportion to the pixels
    return float(np.interp(size**2, areas, times) * beyond)


def epoch_seconds(recipe: Recipe, photos: Photos, machine: Machine) -> float:
    """Seconds per epoch, averaged over the image sizes of the recipe, including validation."""
    name = recipe.model.name
    training = sum(each.share * milliseconds(name, each.image_size, machine.kernels) for each in recipe.stages)
    in_full = "mindspore" if machine.kernels == "mindspore" else "onednn"
    validating = _FORWARD_SHARE * milliseconds(name, recipe.evaluation_size, in_full)
    training += _LOADING_MS
    work_s = (training * photos.train_photos + validating * photos.val_photos) / 1000
    return EPOCH_S / machine.pace + work_s / (machine.pace * machine.cores / MEASURED_CORES)


def training_minutes(recipe: Recipe, epochs: int, photos: Photos, machine: Machine) -> float:
    """Minutes for a whole training run of `epochs` epochs."""
    start_s = START_S + COMPILE_S * len({each.image_size for each in recipe.stages})
    return (start_s + epochs * epoch_seconds(recipe, photos, machine)) / 60


def epochs_within(minutes: float, recipe: Recipe, photos: Photos, machine: Machine) -> float:
    """The number of epochs within the time budget; 0 if not even the start fits."""
    start_s = START_S + COMPILE_S * len({each.image_size for each in recipe.stages})
    return max(0.0, 60 * minutes - start_s) / epoch_seconds(recipe, photos, machine)


def steps_per_epoch(recipe: Recipe, photos: Photos) -> int:
    """Steps per epoch."""
    return max(1, photos.train_photos // min(recipe.train.batch_size, max(1, photos.train_photos)))

"""Train the tuned cross-entropy baseline for small data sets in PyTorch on Grocery Store, within a time budget.

    TORCH_ENV/bin/python benchmarks/public_recipe.py GROCERY_STORE --minutes 60 --seed 1 --out FOLDER

The recipe is that of Brigato, Barz, Iocchi and Denzler, "Image Classification with Small Datasets: Overview and
Benchmark", IEEE Access 2022, for photos (its part CUB): ResNet-50 at 224 px, crops of 0.4 to 1 of the area, flips, SGD
with momentum 0.9, cosine to 0 over all steps, small batches, and, as in its code, learning rate 0.01 and weight decay
0.001. The paper trains 200 epochs on GPUs; here the cosine ends with the budget, which counts only the steps (no
decoding, no validation), as in `time_to_accuracy.py`. `--network resnet18 --size 96` is affordable on two cores. An
interrupted run resumes after the last complete epoch. Needs torch, numpy and Pillow.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import nn
from torch_models import ResNet

NETWORKS: dict[str, dict[str, Any]] = {"resnet50": {}, "resnet18": {"depths": (2, 2, 2, 2), "bottleneck": False}}
LEAST_SCALE, RATIO = 0.4, (3 / 4, 4 / 3)
WARM_STEPS, TIMED_STEPS = 3, 8


class Photos:
    """The photos of a split in memory, with a shorter side of at most `kept` pixels."""

    def __init__(self, root: Path, split: str, kept: int) -> None:
        rows = [line.split(",") for line in (root / f"{split}.txt").read_text().splitlines() if line.strip()]
        self.labels = torch.tensor([int(row[1]) for row in rows])
        self.images = [_opened(root / row[0].strip(), kept) for row in rows]

    def normalisation(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and standard deviation of each channel."""
        pixels = np.concatenate([np.asarray(image).reshape(-1, 3)[::97] for image in self.images]) / 255.0
        return torch.tensor(pixels.mean(0)).float(), torch.tensor(pixels.std(0)).float()


def _opened(path: Path, kept: int) -> Image.Image:
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert("RGB")
    share = kept / min(image.size)
    return image if share >= 1 else image.resize((round(image.width * share), round(image.height * share)))


def random_crop(image: Image.Image, size: int, generator: np.random.Generator) -> Image.Image:
    """Crop 0.4 to 1 of the area, resize to (size, size), flip at random (Szegedy et al., CVPR 2015)."""
    width, height = image.size
    for _ in range(10):
        area = width * height * generator.uniform(LEAST_SCALE, 1.0)
        ratio = math.exp(generator.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            left, top = generator.integers(0, width - w + 1), generator.integers(0, height - h + 1)
            box = (int(left), int(top), int(left) + w, int(top) + h)
            break
    else:
        box = _centre_box(image)
    cropped = image.resize((size, size), Image.Resampling.BILINEAR, box)
    return ImageOps.mirror(cropped) if generator.random() < 0.5 else cropped


def _centre_box(image: Image.Image) -> tuple[int, int, int, int]:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return left, top, left + side, top + side


class Training:
    """Network, optimizer and schedule; `log` has one entry per epoch."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        torch.manual_seed(arguments.seed)
        torch.set_num_threads(arguments.threads)
        self.arguments, self.out = arguments, arguments.out
        kept = arguments.size * 8 // 7
        self.train, self.val = (Photos(arguments.data, split, kept) for split in ("train", "val"))
        self.mean, self.std = self.train.normalisation()
        self.network = ResNet(int(self.train.labels.max()) + 1, **NETWORKS[arguments.network])
        for part in self.network.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        self.network = self.network.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(
            self.network.parameters(), arguments.lr, momentum=0.9, weight_decay=arguments.weight_decay
        )
        self.steps = len(self.train.labels) // arguments.batch_size
        self.log: list[dict[str, Any]] = []
        self.epochs = arguments.epochs

    def input(self, images: list[Image.Image]) -> torch.Tensor:
        """Return the network's input."""
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images])).float() / 255
        return ((pixels - self.mean) / self.std).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

    def step(self, images: torch.Tensor, labels: torch.Tensor) -> float:
        """Run one step. Return its seconds."""
        began = time.perf_counter()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.arguments.precision == "bf16"):
            logits, _ = self.network(images)
        nn.functional.cross_entropy(logits.float(), labels).backward()
        self.optimizer.step()
        return time.perf_counter() - began

    def batch(self, epoch: int, order: np.ndarray, at: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the batch of step `at` of an epoch."""
        chosen = order[at * self.arguments.batch_size : (at + 1) * self.arguments.batch_size]
        generator = np.random.default_rng((self.arguments.seed, epoch, at))
        images = [random_crop(self.train.images[index], self.arguments.size, generator) for index in chosen]
        return self.input(images), self.train.labels[torch.from_numpy(chosen)]

    def epochs_within(self, minutes: float) -> int:
        """Return how many epochs fit the budget, from the median of a few steps; restores the network."""
        before = {name: value.clone() for name, value in self.network.state_dict().items()}
        images, labels = self.batch(-1 % 2**31, np.arange(self.arguments.batch_size), 0)
        for group in self.optimizer.param_groups:
            group["lr"] = 0.0
        seconds = [self.step(images, labels) for _ in range(WARM_STEPS + TIMED_STEPS)][WARM_STEPS:]
        self.network.load_state_dict(before)
        self.optimizer.state.clear()
        return max(1, round(60 * minutes / (self.steps * float(np.median(seconds)))))

    def epoch(self, number: int) -> float:
        """Train one epoch. Return the seconds of its steps."""
        self.network.train()
        order = np.random.default_rng((self.arguments.seed, number)).permutation(len(self.train.labels))
        seconds = 0.0
        for at in range(self.steps):
            done = (number * self.steps + at) / (self.epochs * self.steps)
            for group in self.optimizer.param_groups:
                group["lr"] = self.arguments.lr * 0.5 * (1 + math.cos(math.pi * done))
            seconds += self.step(*self.batch(number, order, at))
        return seconds

    @torch.inference_mode()
    def top1(self) -> float:
        """Return top-1 on the validation photos: shorter side resized to the size, centre crop."""
        self.network.eval()
        size, right = self.arguments.size, 0
        for first in range(0, len(self.val.labels), 32):
            part = self.val.images[first : first + 32]
            images = [image.resize((size, size), Image.Resampling.BILINEAR, _centre_box(image)) for image in part]
            right += int((self.network(self.input(images))[0].argmax(1) == self.val.labels[first : first + 32]).sum())
        return right / len(self.val.labels)

    def run(self) -> None:
        """Train the remaining epochs."""
        self.resume()
        while len(self.log) < self.epochs:
            number = len(self.log)
            seconds = self.epoch(number)
            spent = seconds + (self.log[-1]["steps_s"] if self.log else 0.0)
            self.log.append({"epoch": number, "steps_s": round(spent, 1), "val_top1": self.top1()})
            self.save()
            print(
                f"epoch {number + 1} of {self.epochs}  {spent / 60:.1f} minutes  {100 * self.log[-1]['val_top1']:.1f}%",
                flush=True,
            )

    def resume(self) -> None:
        """Resume from the folder, or start."""
        kept = self.out / "state.pt"
        if kept.exists():
            state = torch.load(kept)
            if state["settings"] != self.settings:
                sys.exit(f"{self.out} was started with other settings: {state['settings']}")
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.log, self.epochs = state["log"], state["epochs"]
        elif self.epochs is None:
            self.epochs = self.epochs_within(self.arguments.minutes)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that a resumed run must share."""
        names = ("minutes", "epochs", "network", "size", "batch_size", "lr", "weight_decay", "precision", "seed")
        return {name: getattr(self.arguments, name) for name in names}

    def save(self) -> None:
        """Save state and log atomically."""
        self.out.mkdir(parents=True, exist_ok=True)
        state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"log": self.log, "epochs": self.epochs, "settings": self.settings}
        torch.save(state, self.out / "state.new")
        os.replace(self.out / "state.new", self.out / "state.pt")
        (self.out / "log.json").write_text(json.dumps(self.log))


def main() -> None:
    """Train with the given options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the Grocery Store data set")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--minutes", type=float, default=60.0, help="minutes of training steps (default: %(default)s)")
    parser.add_argument("--epochs", type=int, help="number of epochs, instead of --minutes")
    parser.add_argument("--network", choices=NETWORKS, default="resnet50", help="(default: %(default)s)")
    parser.add_argument("--size", type=int, default=224, help="pixels (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=16, help="(default: %(default)s)")
    parser.add_argument("--lr", type=float, default=0.01, help="(default: %(default)s)")
    parser.add_argument("--weight-decay", type=float, default=0.001, help="(default: %(default)s)")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="(default: all cores)")
    Training(parser.parse_args()).run()


if __name__ == "__main__":
    main()

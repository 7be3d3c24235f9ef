"""The equivalent of `shelfmind predict FILE FOLDER --out OUT.csv` in plain PyTorch and torchvision.

    TORCH_ENV/bin/python benchmarks/plain_torch.py WEIGHTS.npz FOLDER OUT.csv WORKERS LAYOUT

`whole_command.py` runs it, creates WEIGHTS.npz, and describes how it is written.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Dataset
from torch_models import create_model
from torch_worker import fill
from torchvision.transforms import functional

BATCH, TOP = 32, 5


class Photos(Dataset):
    """The photos of a folder, upright, padded to squares and resized to the input size."""

    def __init__(self, paths: list[Path], size: int, fill: list[int], mean: list[float], std: list[float]) -> None:
        self.paths, self.size, self.fill, self.mean, self.std = paths, size, tuple(fill), mean, std

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[int, torch.Tensor]:
        with Image.open(self.paths[index]) as file:
            image = ImageOps.exif_transpose(file.convert("RGB"))
        square = ImageOps.pad(image, (self.size, self.size), Image.Resampling.BILINEAR, color=self.fill)
        return index, functional.normalize(functional.to_tensor(square), self.mean, self.std)


def main() -> None:
    """Run with arguments weights, folder, CSV, workers, layout. Print the seconds without imports."""
    began = time.perf_counter()
    weights, folder, out, workers, layout = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5]
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    with np.load(weights, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    names, about = arrays.pop("class_names"), {key: arrays.pop(key) for key in ("model", "size", "fill", "mean", "std")}
    memory = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}[layout]
    model = create_model(str(about["model"]), len(names))
    fill(model, arrays)
    model = model.eval().to(memory_format=memory)
    paths = sorted(folder.rglob("*.jpg"))
    photos = Photos(paths, int(about["size"]), *(about[key].tolist() for key in ("fill", "mean", "std")))
    loader = DataLoader(photos, BATCH, num_workers=workers)
    with open(out, "w", newline="") as stream, torch.inference_mode():
        writer = csv.writer(stream)
        writer.writerow(
            ["path", *(f"{what}_{rank}" for rank in range(1, TOP + 1) for what in ("class", "probability"))]
        )
        for numbers, images in loader:
            probabilities = model(images.to(memory_format=memory))[0].softmax(1)
            best = probabilities.topk(TOP)
            for number, values, indices in zip(
                numbers.tolist(), best.values.tolist(), best.indices.tolist(), strict=True
            ):
                cells = [cell for i, value in zip(indices, values, strict=True) for cell in (names[i], f"{value:.6f}")]
                writer.writerow([paths[number], *cells])
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()

"""The PyTorch worker of `engines.py`: the same network in every configuration that PyTorch offers on a CPU.

Arguments: the network's weights, squares. Normalisation is part of every variant, and of the compiled graph.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from timed_calls import Call, serve_calls
from torch import Tensor, nn
from torch_models import create_model
from torch_worker import fill

CALIBRATION = 32
"""Calibration squares for PyTorch's int8; they do not affect the speed."""


class FromSquares(nn.Module):
    """Convert 8-bit squares (N, S, S, 3) to a network's input, (N, 3, S, S), in its memory layout."""

    def __init__(self, mean: np.ndarray, std: np.ndarray, channels_last: bool, kind: torch.dtype) -> None:
        super().__init__()
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.kind = kind
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values * 255, dtype=torch.float32).reshape(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        planes = images.permute(0, 3, 1, 2).to(torch.float32)
        return ((planes - self.mean) / self.std).to(self.kind).contiguous(memory_format=self.format)


class Whole(nn.Module):
    """Map squares to probabilities and embeddings."""

    def __init__(self, before: nn.Module, model: nn.Module) -> None:
        super().__init__()
        self.before, self.model = before, model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, embeddings = self.model(self.before(images))
        return torch.softmax(logits.float(), 1), embeddings.float()


class Network:
    """The weights, and constructors of variants."""

    def __init__(self, path: str, images: np.ndarray) -> None:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        classes = len(arrays.pop("class_names"))
        about = {key: arrays.pop(key) for key in ("model", "size", "fill", "mean", "std")}
        self.mean, self.std = about["mean"], about["std"]
        self.model = create_model(str(about["model"]), classes)
        fill(self.model, arrays)
        self.model.eval().requires_grad_(False)
        self.images = torch.from_numpy(images)

    def before(self, channels_last: bool = True, kind: torch.dtype = torch.float32) -> FromSquares:
        """Return the preprocessing."""
        return FromSquares(self.mean, self.std, channels_last, kind)

    def eager(self, channels_last: bool, kind: torch.dtype = torch.float32) -> Whole:
        """Eager mode, in one layout and type."""
        own = copy.deepcopy(self.model).to(kind)
        own = own.to(memory_format=torch.channels_last) if channels_last else own
        return Whole(self.before(channels_last, kind), own)

    def autocast(self) -> Callable[[Tensor], Any]:
        """fp32 weights in channels last; convolutions in bf16."""
        whole = self.eager(channels_last=True)

        def call(images: Tensor) -> Any:
            with torch.autocast("cpu", torch.bfloat16):
                return whole(images)

        return call

    def compiled(self) -> Any:
        """Inductor with frozen weights: batch normalisation is folded and weights are reordered once."""
        return torch.compile(self.eager(channels_last=True), dynamic=False)

    def int8_fx(self) -> Whole:
        """Static quantisation by `torch.ao.quantization` in graph mode, backend x86 (oneDNN)."""
        from torch.ao.quantization import get_default_qconfig_mapping
        from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

        torch.backends.quantized.engine = "x86"
        before = self.before()
        prepared = before(self.images[:CALIBRATION])
        watched = prepare_fx(copy.deepcopy(self.model), get_default_qconfig_mapping("x86"), (prepared,))
        watched(prepared)
        return Whole(before, convert_fx(watched))

    def int8_pt2e(self, batch: int) -> Any:
        """Static quantisation by torchao's `pt2e` for inductor on x86, compiled, frozen; one graph per batch size."""
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

        before = self.before()
        prepared = before(self.images[:batch])
        quantizer = x86.X86InductorQuantizer()
        quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
        model = copy.deepcopy(self.model).to(memory_format=torch.channels_last)
        watched = prepare_pt2e(torch.export.export(model, (prepared,)).module(), quantizer)
        watched(prepared)
        made = convert_pt2e(watched)
        return torch.compile(Whole(before, made), dynamic=False)


VARIANTS: dict[str, Callable[[Network, int], Any]] = {
    "torch contiguous": lambda network, batch: network.eager(channels_last=False),
    "torch channels last": lambda network, batch: network.eager(channels_last=True),
    "torch bf16 autocast": lambda network, batch: network.autocast(),
    "torch bf16 weights": lambda network, batch: network.eager(True, torch.bfloat16),
    "torch compiled": lambda network, batch: network.compiled(),
    "torch int8 fx": lambda network, batch: network.int8_fx(),
    "torch int8 pt2e": lambda network, batch: network.int8_pt2e(batch),
}


def main() -> None:
    """Serve until the coordinator closes the pipe."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch._inductor.config.freezing = True
    with np.load(sys.argv[2]) as archive:
        images = archive["images"]
    network = Network(sys.argv[1], images)

    def make(variant: str, batch: int) -> Call:
        with torch.inference_mode(variant != "torch int8 pt2e"), torch.no_grad():
            asked = VARIANTS[variant](network, batch)

        def call(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            with torch.no_grad():
                probabilities, embeddings = asked(torch.from_numpy(squares))
            return probabilities.numpy(), embeddings.numpy()

        return call

    serve_calls(make, images, {"version": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()})


if __name__ == "__main__":
    main()

"""Records what PyTorch implementations give for made-up weights: run with `make parity`, in an environment of its own.

ResNet, ResNeXt, their SE forms and Inception-ResNet-v2 are timm's. BAM and CBAM are written here from their papers, on
timm's ResNet-50.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import timm
import torch
from filling import CLASSES, RESNETS, layer_values, made_up_images
from torch import Tensor, nn

TIMM = {**RESNETS, "inception_resnet_v2": "inception_resnet_v2"}
SIZES = {"inception_resnet_v2": 107}


class Bam(nn.Module):
    """Park et al., BMVC 2018, section 3: F + F * sigmoid(Mc(F) + Ms(F))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = channels // 16
        self.mlp = nn.Sequential(
            nn.Linear(channels, squeezed), nn.BatchNorm1d(squeezed), nn.ReLU(), nn.Linear(squeezed, channels)
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1),
            nn.BatchNorm2d(squeezed),
            nn.ReLU(),
            nn.Conv2d(squeezed, squeezed, 3, padding=4, dilation=4),
            nn.BatchNorm2d(squeezed),
            nn.ReLU(),
            nn.Conv2d(squeezed, squeezed, 3, padding=4, dilation=4),
            nn.BatchNorm2d(squeezed),
            nn.ReLU(),
            nn.Conv2d(squeezed, 1, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        channel = self.mlp(features.mean((2, 3)))[:, :, None, None]
        return features + features * torch.sigmoid(channel + self.spatial(features))


class Cbam(nn.Module):
    """Woo et al., ECCV 2018, section 3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(channels, channels // 16), nn.ReLU(), nn.Linear(channels // 16, channels))
        self.spatial = nn.Sequential(nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.BatchNorm2d(1))

    def forward(self, features: Tensor) -> Tensor:
        channel = self.mlp(features.mean((2, 3))) + self.mlp(features.amax((2, 3)))
        features = features * torch.sigmoid(channel)[:, :, None, None]
        pooled = torch.cat([features.amax(1, keepdim=True), features.mean(1, keepdim=True)], 1)
        return features * torch.sigmoid(self.spatial(pooled))


def with_bam() -> nn.Module:
    """ResNet-50 with BAM after its first three stages."""
    model = timm.create_model("resnet50", num_classes=CLASSES)
    for stage, channels in ((model.layer1, 256), (model.layer2, 512), (model.layer3, 1024)):
        stage.append(Bam(channels))
    return model


def with_cbam() -> nn.Module:
    """ResNet-50 with CBAM at the end of every residual branch, where timm has its SE."""
    model = timm.create_model("seresnet50", num_classes=CLASSES)
    for module in model.modules():
        if hasattr(module, "se"):
            module.se = Cbam(module.conv3.out_channels)
    return model


def fill(model: nn.Module) -> None:
    """Set all layers in the order of their definition."""
    number = 0
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            values = layer_values(number, tuple(module.weight.shape), "weighted")
            module.weight.data = torch.from_numpy(values["weight"])
            if module.bias is not None:
                module.bias.data = torch.from_numpy(values["bias"])
        elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            values = layer_values(number, tuple(module.weight.shape), "norm")
            module.weight.data, module.bias.data = (torch.from_numpy(values[name]) for name in ("scale", "shift"))
            module.running_mean = torch.from_numpy(values["mean"])
            module.running_var = torch.from_numpy(values["variance"])
        else:
            continue
        number += 1


def main() -> None:
    """Write the file given as the only argument."""
    builders: dict[str, Callable[[], nn.Module]] = {"resnet50_bam": with_bam, "resnet50_cbam": with_cbam}
    for ours, theirs in TIMM.items():
        builders[ours] = partial(timm.create_model, theirs, num_classes=CLASSES)
    recorded = {"versions": {"torch": torch.__version__, "timm": timm.__version__}, "models": {}}
    for name, build in builders.items():
        model = build().eval()
        fill(model)
        size = SIZES.get(name, 64)
        with torch.inference_mode():
            logits = model(torch.from_numpy(made_up_images(size)))
        parameters = sum(parameter.numel() for parameter in model.parameters())
        recorded["models"][name] = {"size": size, "parameters": parameters, "logits": logits.tolist()}
        print(name, parameters, float(logits.abs().max()), flush=True)
    Path(sys.argv[1]).write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Attention gates that re-weight a feature map."""

from __future__ import annotations

from mindspore import Tensor, nn, ops


class SqueezeExcitation(nn.Cell):
    """Channel gate of Hu et al., "Squeeze-and-Excitation Networks" (CVPR 2018), equations 2 to 4.

    The two fully connected layers are 1x1 convolutions on kept dimensions, so that an exported graph keeps a dynamic
    batch. Input and output have shape (N, C, H, W).
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = max(8, channels // reduction)
        self.reduce = nn.Conv2d(channels, squeezed, 1, has_bias=True)
        self.expand = nn.Conv2d(squeezed, channels, 1, has_bias=True)

    def construct(self, features: Tensor) -> Tensor:
        gate = ops.mean(features, (2, 3), True)
        gate = ops.sigmoid(self.expand(ops.relu(self.reduce(gate))))
        return features * gate


ATTENTIONS: dict[str, type[nn.Cell]] = {"se": SqueezeExcitation}


def attention_gate(name: str, channels: int, reduction: int) -> nn.Cell | None:
    """The gate called `name` for `channels` channels, squeezed by `reduction`, or None for ``none``."""
    return None if name == "none" else ATTENTIONS[name](channels, reduction)

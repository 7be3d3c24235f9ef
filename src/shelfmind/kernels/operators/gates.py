"""Gates: feature maps times the sigmoid of logits."""

from __future__ import annotations

from mindspore import Tensor, nn

from shelfmind.kernels.operators.custom import like, operator


class Gate(nn.Cell):
    """maps * sigmoid(logits) with logits of "channels" (N, 1, 1, C) or of "positions" (N, H, W, 1)."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.run = operator(f"gate_{of}", like(0))
        self.back = operator(f"gate_{of}_back", like(0, 1))

    def construct(self, maps: Tensor, logits: Tensor) -> Tensor:
        return self.run(maps, logits)

    def bprop(self, maps: Tensor, logits: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        return self.back(maps, logits, change)


class GateAndAdd(nn.Cell):
    """ReLU(maps * sigmoid(logits) + added)."""

    def __init__(self, of: str) -> None:
        super().__init__()
        self.run = operator(f"gate_{of}_add_relu", like(0))
        self.back = operator(f"gate_{of}_add_relu_back", like(0, 1, 0))

    def construct(self, maps: Tensor, logits: Tensor, added: Tensor) -> Tensor:
        return self.run(maps, logits, added)

    def bprop(self, maps: Tensor, logits: Tensor, added: Tensor, out: Tensor, change: Tensor) -> tuple[Tensor, ...]:
        return self.back(maps, logits, change, out)


class GateByBoth(nn.Cell):
    """maps + maps * sigmoid(channel logits (N, 1, 1, C) + position logits (N, H, W, 1))."""

    def __init__(self) -> None:
        super().__init__()
        self.run = operator("gate_both", like(0))
        self.back = operator("gate_both_back", like(0, 1, 2))

    def construct(self, maps: Tensor, channels: Tensor, positions: Tensor) -> Tensor:
        return self.run(maps, channels, positions)

    def bprop(
        self, maps: Tensor, channels: Tensor, positions: Tensor, out: Tensor, change: Tensor
    ) -> tuple[Tensor, ...]:
        return self.back(maps, channels, positions, change)

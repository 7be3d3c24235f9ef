"""A configurable residual network: ResNet, ResNeXt, their SE, BAM and CBAM variants, and small ones for CPUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mindspore import Tensor, nn

from shelfmind.errors import unknown_name
from shelfmind.kernels.stock import STOCK, Kernels
from shelfmind.models.attention import BLOCK_GATES, STAGE_GATES, gate
from shelfmind.models.blocks import BasicBlock, BlockStyle, Bottleneck, ConvNorm
from shelfmind.models.heads import Head
from shelfmind.models.network import OwnNetwork

BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


POOLS = ("symmetric", "same")


def stem(name: str, width: int, pool: str = "symmetric", kernels: Kernels = STOCK) -> nn.Cell:
    """The layers before the first stage, which divide height and width by 4.

    ``7x7`` is the original, ``deep`` three 3x3 convolutions (He et al., "Bag of Tricks", CVPR 2019, ResNet-C) and
    ``light`` two of them, for small images. The final pooling is padded on both sides (``symmetric``, as in the paper
    and PyTorch) or, for even sizes, only at the end (``same``, as in MindSpore's official weights).
    """
    half = width // 2
    units: dict[str, list[tuple[int, int, int]]] = {
        "7x7": [(width, 7, 2)],
        "deep": [(half, 3, 2), (half, 3, 1), (width, 3, 1)],
        "light": [(half, 3, 2), (width, 3, 1)],
    }
    if pool not in POOLS:
        raise unknown_name("stem_pool", pool, POOLS)
    layers: list[nn.Cell] = []
    channels = 3
    for out_channels, kernel, stride in units[name]:
        layers.append(ConvNorm(channels, out_channels, kernel, stride, of_images=not layers, kernels=kernels))
        channels = out_channels
    return nn.SequentialCell([*layers, kernels.maximum_pool(3, 2, None if pool == "same" else 1)])


class ResNet(OwnNetwork):
    """Residual network: images (N, 3, H, W) to logits (N, num_classes) and the embedding before the classifier (N, D).

    Args:
        num_classes: width of the classifier.
        block: ``basic`` or ``bottleneck``.
        depths: number of blocks in each stage.
        widths: width of each stage before the block's expansion.
        groups: groups of each 3x3 convolution.
        group_width: channels per group at a width of 64 channels (64: plain ResNet, 4 with 32 groups: 32x4d).
        attention: ``none``; ``se`` or ``cbam`` at the end of every residual branch; ``bam`` after a stage.
        attention_stages: the stages with attention, counted from 1; by default all, with ``bam`` all but the last.
        reduction: the gate's channel reduction.
        stem_name: see `stem`.
        stem_pool: see `stem`.
        pooled_shortcut: average-pool before projecting shortcuts (ResNet-D).
        last_stage_width: factor on the last stage's width; 2 is the contest solution's "wider".
        deep_kernel_size: kernel size of the 3x3 convolutions in the deep stages, depthwise if it is not 3.
        deep_stages: number of deep stages, counted from the end.
        kernels: create all parts.
        head: arguments of `Head`.
    """

    least_image_size = 16

    def __init__(
        self,
        num_classes: int,
        block: str = "basic",
        depths: Sequence[int] = (2, 2, 2, 2),
        widths: Sequence[int] = (64, 128, 256, 512),
        groups: int = 1,
        group_width: int = 64,
        attention: str = "none",
        attention_stages: Sequence[int] | None = None,
        reduction: int = 16,
        stem_name: str = "7x7",
        stem_pool: str = "symmetric",
        pooled_shortcut: bool = False,
        last_stage_width: int = 1,
        deep_kernel_size: int = 3,
        deep_stages: int = 1,
        kernels: Kernels = STOCK,
        **head: Any,
    ) -> None:
        super().__init__()
        if attention not in ("none", *BLOCK_GATES, *STAGE_GATES):
            raise unknown_name("attention", attention, ("none", *BLOCK_GATES, *STAGE_GATES))
        if deep_kernel_size % 2 == 0:
            raise ValueError(f"deep_kernel_size must be odd, got {deep_kernel_size}")
        plain = BlockStyle(groups, group_width, "none", reduction, pooled_shortcut, kernels=kernels)
        count = len(widths)
        attended = attention_stages or range(1, count if attention in STAGE_GATES else count + 1)
        self.stem = stem(stem_name, widths[0], stem_pool, kernels)
        channels = widths[0]
        stages: list[nn.Cell] = []
        for number, (depth, width) in enumerate(zip(depths, widths, strict=True), 1):
            style = replace(
                plain,
                attention=attention if number in attended else "none",
                kernel_size=deep_kernel_size if number > count - deep_stages else 3,
            )
            width = width * last_stage_width if number == count else width
            blocks = residual_stage(block, channels, width, depth, 1 if number == 1 else 2, style)
            channels = width * BLOCKS[block].expansion
            after = gate(STAGE_GATES, style.attention, channels, reduction, kernels)
            stages.append(nn.SequentialCell(blocks if after is None else [*blocks, after]))
        self.stages = nn.SequentialCell(stages)
        self.mean = kernels.embedding()
        self.plain_maps = kernels.plain_maps()
        self.head = Head(channels, num_classes, **head)
        self.embedding_width = channels

    def maps(self, images: Tensor) -> Tensor:
        """The feature maps that are averaged into the embedding, in the layout of the kernels."""
        return self.stages(self.stem(images))


def residual_stage(
    block: str, in_channels: int, width: int, depth: int, stride: int, style: BlockStyle
) -> list[nn.Cell]:
    """`depth` blocks, the first with the stride."""
    build = BLOCKS[block]
    first = build(in_channels, width, stride, style)
    return [first, *(build(width * build.expansion, width, 1, style) for _ in range(depth - 1))]

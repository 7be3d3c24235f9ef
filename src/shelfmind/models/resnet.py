"""One residual network whose arguments give ResNet, ResNeXt, their SE forms and the small models for CPUs."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Tensor, nn, ops

from shelfmind.models.blocks import BasicBlock, BlockStyle, Bottleneck, ConvNorm

BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


def stem(name: str, width: int) -> nn.Cell:
    """The layers before the first stage, which all divide height and width by 4.

    ``7x7`` is the original, ``deep`` three 3x3 convolutions (He et al., "Bag of Tricks", CVPR 2019, ResNet-C) and
    ``light`` two of them, for small images.
    """
    half = width // 2
    layers: dict[str, list[nn.Cell]] = {
        "7x7": [ConvNorm(3, width, 7, 2)],
        "deep": [ConvNorm(3, half, 3, 2), ConvNorm(half, half, 3), ConvNorm(half, width, 3)],
        "light": [ConvNorm(3, half, 3, 2), ConvNorm(half, width, 3)],
    }
    return nn.SequentialCell([*layers[name], nn.MaxPool2d(3, 2, pad_mode="pad", padding=1)])


class ResNet(nn.Cell):
    """Residual network: images (N, 3, H, W) to logits (N, num_classes) and the embedding before the classifier (N, D).

    Args:
        num_classes: width of the classifier.
        block: ``basic`` or ``bottleneck``.
        depths: blocks in each stage.
        widths: width of each stage before the block's expansion.
        groups: groups of each 3x3 convolution.
        group_width: channels of a group for 64 channels of width (64: plain ResNet, 4 with 32 groups: 32x4d).
        attention: gate at the end of every residual branch, see `ATTENTIONS`.
        reduction: how far the gate squeezes its channels.
        stem_name: see `stem`.
        pooled_shortcut: average-pool before projecting shortcuts (ResNet-D).
        last_stage_width: factor on the last stage's width; 2 is the mission document's "wider".
        dropout: share of embedding values dropped before the classifier while training.
    """

    def __init__(
        self,
        num_classes: int,
        block: str = "basic",
        depths: Sequence[int] = (2, 2, 2, 2),
        widths: Sequence[int] = (64, 128, 256, 512),
        groups: int = 1,
        group_width: int = 64,
        attention: str = "none",
        reduction: int = 16,
        stem_name: str = "7x7",
        pooled_shortcut: bool = False,
        last_stage_width: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        build = BLOCKS[block]
        style = BlockStyle(groups, group_width, attention, reduction, pooled_shortcut)
        self.stem = stem(stem_name, widths[0])
        channels = widths[0]
        stages: list[nn.Cell] = []
        for index, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            width = width * last_stage_width if index == len(widths) - 1 else width
            blocks: list[nn.Cell] = []
            for position in range(depth):
                stride = 2 if index > 0 and position == 0 else 1
                blocks.append(build(channels, width, stride, style))
                channels = width * build.expansion
            stages.append(nn.SequentialCell(blocks))
        self.stages = nn.SequentialCell(stages)
        self.dropout = nn.Dropout(p=dropout) if dropout > 0 else None
        self.classifier = nn.Dense(channels, num_classes)
        self.embedding_width = channels

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        embedding = ops.mean(self.stages(self.stem(images)), (2, 3))
        features = embedding if self.dropout is None else self.dropout(embedding)
        return self.classifier(features), embedding

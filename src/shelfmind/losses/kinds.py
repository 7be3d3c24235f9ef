"""What every loss is: a function of what a network gives, and what it asks of the rest of the recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mindspore import Tensor

Counts = npt.NDArray[np.int64]
"""Training images of each class, shape (C,)."""
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Logits (N, C), embeddings (N, D), targets (N, C) and the training's progress (a scalar from 0 to 1) to a scalar."""


@dataclass(frozen=True)
class LossKind:
    """A loss of the table.

    Attributes:
        build: makes it of the class counts, the label smoothing and the recipe's arguments; raises `ValueError` for
            arguments out of range and `TypeError` for unknown ones.
        soft_targets: whether it knows what to do with mixed targets, as Mixup and CutMix give them.
        smoothing: whether it knows what to do with label smoothing.
        classifiers: the classifiers that its logits may come from, the usual one first; empty: any.
        embeddings: whether it compares the embeddings of a batch, before a neck: then several images of a class must
            be in it, and all of it must be worked on at once.
    """

    build: Callable[..., Loss]
    soft_targets: bool = True
    smoothing: bool = True
    classifiers: tuple[str, ...] = ()
    embeddings: bool = False

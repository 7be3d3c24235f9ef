"""The interface of losses: a function of a network's outputs, and its requirements on the recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from mindspore import Tensor

Counts = npt.NDArray[np.int64]
"""Training images of each class, shape (C,)."""
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""Maps logits (N, C), embeddings (N, D), targets (N, C) and the training progress (a scalar from 0 to 1) to a
scalar."""


@dataclass(frozen=True)
class LossKind:
    """A registered loss.

    Attributes:
        build: creates it from the class counts, the label smoothing and the recipe's arguments; raises `ValueError` for
            arguments out of range and `TypeError` for unknown ones.
        soft_targets: whether it supports soft targets, as from Mixup and CutMix.
        smoothing: whether it supports label smoothing.
        classifiers: the classifiers whose logits it accepts, the default first; empty: any.
        embeddings: whether it compares the embeddings of a batch, before a neck: then the batch must contain several
            images per class, and cannot be split into micro-batches.
        sampled: whether it supports a sample of the classes: a softmax that treats all classes alike.
    """

    build: Callable[..., Loss]
    soft_targets: bool = True
    smoothing: bool = True
    classifiers: tuple[str, ...] = ()
    embeddings: bool = False
    sampled: bool = False

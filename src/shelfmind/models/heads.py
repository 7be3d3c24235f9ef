"""From an embedding to logits: a linear or cosine classifier, with an optional normalised neck."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from shelfmind.recipe import COSINE_SCALE


class CosineClassifier(nn.Cell):
    """Scaled cosine similarity of embedding and class vector, without bias (Wang et al., "NormFace", 2017); (N, D) to
    (N, C).

    Margin losses such as ArcFace divide by `scale` to recover the cosines.
    """

    def __init__(self, width: int, num_classes: int, scale: float = COSINE_SCALE) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(np.zeros((num_classes, width), np.float32)), name="weight")
        self.scale = scale

    def construct(self, embedding: Tensor) -> Tensor:
        return ops.matmul(unit_rows(embedding), unit_rows(self.weight).T) * self.scale


class SubCentreClassifier(nn.Cell):
    """The best scaled cosine similarity to `centres` vectors per class (Deng et al., "Sub-center ArcFace", ECCV 2020,
    section 3.2); (N, D) to (N, C).

    A class with several appearances, or with label noise, does not have to cluster around one vector.
    """

    def __init__(self, width: int, num_classes: int, centres: int = 3, scale: float = COSINE_SCALE) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(np.zeros((num_classes, centres, width), np.float32)), name="weight")
        self.scale = scale

    def construct(self, embedding: Tensor) -> Tensor:
        classes, centres, width = self.weight.shape
        vectors = unit_rows(self.weight.reshape((classes * centres, width)))
        cosines = ops.matmul(unit_rows(embedding), vectors.T).reshape((-1, classes, centres))
        return ops.amax(cosines, 2) * self.scale


CLASSIFIERS: dict[str, Callable[[int, int], nn.Cell]] = {
    "linear": nn.Dense,
    "cosine": CosineClassifier,
    "sub_centres": SubCentreClassifier,
}


class Head(nn.Cell):
    """Embedding (N, D) to logits (N, num_classes) and the embedding for retrieval (N, D).

    Args:
        width: D.
        num_classes: number of classes.
        classifier: see `CLASSIFIERS`.
        neck: BNNeck, a batch normalisation between the embedding and the classifier (Luo et al., "Bag of Tricks and a
            Strong Baseline for Deep Person Re-identification", 2019, section 3.4); retrieval uses its output.
        neck_bias: whether the neck has a bias; the paper's does not.
        dropout: dropout rate of the embedding before the classifier.

    Attributes:
        before_neck: whether to return the embedding from before the neck, which metric losses compare in training.
    """

    def __init__(
        self,
        width: int,
        num_classes: int,
        classifier: str = "linear",
        neck: bool = False,
        dropout: float = 0.0,
        neck_bias: bool = True,
    ) -> None:
        super().__init__()
        self.neck = nn.BatchNorm2d(width) if neck else None  # BatchNorm1d exports with a fixed batch size only
        self.width = width
        if self.neck is not None and not neck_bias:
            self.neck.beta.requires_grad = False  # stays 0
        self.before_neck = False
        self.dropout = nn.Dropout(p=dropout) if dropout > 0 else None
        self.kind = classifier
        self.classifier = CLASSIFIERS[classifier](width, num_classes)

    if TYPE_CHECKING:

        def __call__(self, embedding: Tensor) -> tuple[Tensor, Tensor]: ...  # type: ignore[override]

    def construct(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        given = embedding
        if self.neck is not None:
            embedding = self.neck(embedding.reshape((-1, self.width, 1, 1))).reshape((-1, self.width))
        if not self.before_neck:
            given = embedding
        features = embedding if self.dropout is None else self.dropout(embedding)
        return self.classifier(features), given

    def sample_classes(self, number: int) -> dict[str, Parameter]:
        """Replace the classifier by one of `number` rows, which a step fills with those of a sample of the classes.

        Returns:
            The parameters of all classes, by the names that the rows now have.
        """
        whole = {parameter.name: parameter for parameter in self.classifier.get_parameters()}
        self.classifier = CLASSIFIERS[self.kind](self.width, number)
        for name, row in zip(whole, self.classifier.get_parameters(), strict=True):
            row.name = name
        return whole


def unit_rows(vectors: Tensor) -> Tensor:
    """Rows (N, D) scaled to length 1, with a finite gradient at 0."""
    return vectors / ops.sqrt((vectors * vectors).sum(1, keepdims=True) + 1e-12)

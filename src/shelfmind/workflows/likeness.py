"""The training images that are most like an image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.pages.explanations import Likeness
from shelfmind.records import Predictions


def nearest(known: Predictions, embedding: npt.NDArray[np.float32], count: int) -> tuple[Likeness, ...]:
    """The training images most like an image with this embedding (D,)."""
    cosines = unit_rows(known.embeddings) @ unit_rows(embedding[None])[0]
    best = np.argsort(-cosines, kind="stable")[:count]
    return tuple(
        Likeness(known.paths[index], known.class_names[known.labels[index]], float(cosines[index])) for index in best
    )

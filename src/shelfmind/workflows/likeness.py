"""The training images most similar to an image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.pages.explanations import Likeness
from shelfmind.records import Predictions


def nearest(known: Predictions, embedding: npt.NDArray[np.float32], count: int) -> tuple[Likeness, ...]:
    """The training images most similar to an embedding (D,)."""
    cosines = unit_rows(known.embeddings) @ unit_rows(embedding[None])[0]
    best = np.argsort(-cosines, kind="stable")[:count]
    return tuple(
        Likeness(known.paths[index], known.class_names[known.labels[index]], float(cosines[index])) for index in best
    )

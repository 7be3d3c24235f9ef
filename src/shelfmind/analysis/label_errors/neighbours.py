"""Similarity of images to the images of a few classes: cosine similarity of embeddings, in bounded memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Ints, rows_by_label
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows
from shelfmind.progress import Progress

Embeddings = npt.NDArray[np.floating[Any]]

NEAREST = 3
_BLOCK_VALUES = 8_000_000


def nearness(
    embeddings: Embeddings,
    labels: Ints,
    queries: Ints,
    compared: Ints,
    *,
    nearest: int = NEAREST,
    progress: Progress | None = None,
) -> Floats:
    """The similarity of each query to each requested class, in the shape of `compared`, NaN for classes without images.

    `embeddings` (N, D) may be a memory-mapped file of 16-bit values; `labels` (N,) are their classes, `queries` (Q,)
    are row indices and `compared` (Q, K) class ids. The similarity is the mean cosine similarity to the `nearest` most
    similar images of the class, excluding the query itself. Only the requested classes are compared, so the cost grows
    with the number of images and the class size, not with the square of the number of images.
    """
    found = np.full(compared.shape, np.nan, np.float32)
    members_of = dict(rows_by_label(labels))
    for label, indices in rows_by_label(compared.ravel()):
        if label not in members_of:
            continue
        members = members_of[label]
        rows, columns = np.divmod(indices, compared.shape[1])
        references = unit_rows(embeddings[members])
        for part in row_chunks(len(rows), max(len(members), embeddings.shape[1]), _BLOCK_VALUES):
            mine = queries[rows[part]]
            similar = unit_rows(embeddings[mine]) @ references.T
            similar[mine[:, None] == members[None, :]] = -np.inf
            found[rows[part], columns[part]] = _mean_of_largest(similar, nearest)
            if progress is not None:
                progress(len(mine))
    return found


def nearest_images(embeddings: Embeddings, query: int, members: Ints, count: int) -> Ints:
    """The rows among `members` most similar to the row `query`, most similar first, excluding the query itself."""
    members = members[members != query]
    similar = unit_rows(embeddings[members]) @ unit_rows(embeddings[query : query + 1])[0]
    return np.asarray(members[np.argsort(-similar, kind="stable")[:count]])


def class_means(embeddings: Embeddings, labels: Ints, classes: int) -> Floats:
    """The mean direction of each class's embeddings, shape (classes, D), rows of length 1, NaN without images."""
    means = np.full((classes, embeddings.shape[1]), np.nan, np.float32)
    for label, members in rows_by_label(labels):
        means[label] = unit_rows(unit_rows(embeddings[members]).mean(axis=0, keepdims=True))[0]
    return means


def _mean_of_largest(values: Floats, count: int) -> Floats:
    """The mean of the up to `count` largest finite values of each row; NaN if there are none."""
    if count < values.shape[1]:
        values = -np.partition(-values, count - 1, axis=1)[:, :count]
    finite = np.isfinite(values)
    sums = np.where(finite, values, 0.0).sum(axis=1)
    return np.asarray(
        np.divide(sums, finite.sum(axis=1), out=np.full(len(values), np.nan), where=finite.any(axis=1)), np.float32
    )

"""Groups confusable classes, up to 100,000: by mutual confusion and by the similarity of their embeddings."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import AgglomerativeClustering

from shelfmind.analysis.mapped import release_pages
from shelfmind.arrays import Floats, Ints, rows_by_label
from shelfmind.evaluation.matrix_rows import row_chunks
from shelfmind.top_probabilities import Probabilities, kept_per_image, known_classes

FULL_CONFUSION = 0.1
"""A mutual confusion of this share of the probability counts as complete: a tenth of a class's images is a lot."""
AT_ONCE = 5_000
"""Classes that are clustered by the similarities of all their pairs, 100 MB of them."""
_LEAST_PROBABILITY = 1e-4
_CHUNK_VALUES = 8_000_000
_LINKS, _STEP = 64, 0.05
_SAMPLED = 2_000


def confusions(probabilities: Probabilities, labels: Ints, chosen: Ints, classes: int) -> tuple[csr_array, Ints]:
    """Mean probabilities of each class's images, (classes, classes), and the top prediction of each chosen image.

    Probabilities below 0.0001 are left out, so that memory grows with the confusions and not with the square of the
    number of classes.
    """
    sums = csr_array((classes, classes), dtype=np.float64)
    predicted = np.zeros(len(chosen), np.int64)
    for part in row_chunks(len(chosen), kept_per_image(probabilities), _CHUNK_VALUES):
        values, ids = known_classes(probabilities, chosen[part])
        predicted[part] = np.take_along_axis(ids, values.argmax(axis=1)[:, None], axis=1)[:, 0]
        release_pages(probabilities)
        rows, columns = np.nonzero(values >= _LEAST_PROBABILITY)
        entries = (labels[chosen[part]][rows], ids[rows, columns])
        sums = sums + coo_array((values[rows, columns].astype(np.float64), entries), (classes, classes)).tocsr()
    counts = np.bincount(labels[chosen], minlength=classes)
    sums.data /= np.repeat(counts, np.diff(sums.indptr))
    return sums, predicted


def group_classes(confusion: csr_array, means: Floats, cut: float) -> Ints:
    """The group of each of C classes, (C,), from their mean probabilities (C, C) and mean embeddings (C, D).

    Similarity is the mean of two values in 0..1: the mutual confusion, which is the probability that the images of each
    class give to the other as a share of what they give to the two, saturated at `FULL_CONFUSION`; and the cosine of
    the classes' mean embeddings, above the median of all pairs. Average linkage merges groups up to the distance `cut`,
    so that a group is similar as a whole instead of a chain of neighbours.

    More than `AT_ONCE` classes are first divided into parts that no pair within `cut` connects, which average linkage
    would never merge. Of a part that is larger than `AT_ONCE`, the weakest links are cut; each class has its 64
    strongest ones.
    """
    classes = len(means)
    mutual, usual = _mutual(confusion), _usual_cosine(means)
    parts = np.zeros(classes, np.int64)
    if classes > AT_ONCE:
        parts = _parts(classes, _links(mutual, means, usual, 1 - cut), 1 - cut)
    groups = np.arange(classes)
    clustering = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="average", distance_threshold=cut
    )
    for _, members in rows_by_label(parts):
        if len(members) > 1:
            confused = mutual[members][:, members].toarray().astype(np.float32)
            distance = 1.0 - _similarity(confused, means[members] @ means[members].T, usual)
            np.fill_diagonal(distance, 0.0)
            groups[members] = members[0] + classes * (1 + clustering.fit_predict((distance + distance.T) / 2))
    return np.asarray(np.unique(groups, return_inverse=True)[1], np.int64)


def _mutual(confusion: csr_array) -> csr_array:
    """Mutual confusion of different classes, 0..1, where there is any."""
    both = (confusion + confusion.T).tocoo()
    different = both.row != both.col
    one, other, share = both.row[different], both.col[different], both.data[different]
    own = confusion.diagonal()
    confused = np.minimum(share / (share + own[one] + own[other]) / FULL_CONFUSION, 1.0)
    return coo_array((confused, (one, other)), confusion.shape).tocsr()


def _usual_cosine(means: Floats) -> float:
    """The median cosine of two classes; of many classes, of an evenly spaced sample."""
    sample = means if len(means) <= AT_ONCE else means[:: len(means) // _SAMPLED]
    cosine = np.asarray(sample @ sample.T, np.float64)
    return float(np.median(cosine[np.triu_indices(len(cosine), 1)])) if len(cosine) > 1 else 0.0


def _similarity(confused: Floats, cosine: Floats, usual: float) -> Floats:
    close = np.clip((cosine - usual) / max(1.0 - usual, 1e-6), 0.0, 1.0)
    return np.asarray((confused + close) / 2)


def _links(mutual: csr_array, means: Floats, usual: float, least: float) -> tuple[Ints, Ints, Floats]:
    """The pairs of classes that are at least this similar, and their similarity; at most 64 for each class."""
    found: list[tuple[Ints, Ints, Floats]] = []
    for rows in row_chunks(len(means), len(means), _CHUNK_VALUES):
        alike = _similarity(mutual[rows].toarray().astype(np.float32), means[rows] @ means.T, usual)
        alike[np.arange(len(alike)), np.arange(rows.start, rows.stop)] = 0.0
        one, other = np.nonzero(alike >= least)
        weight = alike[one, other]
        order = np.lexsort((-weight, one))
        starts = np.searchsorted(one, np.arange(len(alike)))
        order = order[np.arange(len(order)) - starts[one[order]] < _LINKS]
        found.append((rows.start + one[order], other[order], weight[order]))
    one, other, weight = (np.concatenate(column) for column in zip(*found, strict=True))
    return one, other, weight


def _parts(classes: int, links: tuple[Ints, Ints, Floats], least: float) -> Ints:
    """The part of each class, (classes,): classes that links connect, at most `AT_ONCE`."""
    one, other, weight = links
    while True:
        graph = coo_array((weight, (one, other)), (classes, classes)).tocsr()
        parts = np.asarray(connected_components(graph, directed=False)[1], np.int64)
        too_large = np.bincount(parts)[parts[one]] > AT_ONCE
        if not too_large.any():
            return parts
        least += _STEP
        kept = ~too_large | (weight >= least)
        one, other, weight = one[kept], other[kept], weight[kept]

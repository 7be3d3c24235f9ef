"""Compare an engine's outputs with the run's on real images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median

import numpy as np

from shelfmind.arrays import Floats, Ints
from shelfmind.batching import batched
from shelfmind.errors import UserError, argument
from shelfmind.evaluation.bootstrap import hits_interval, paired_interval
from shelfmind.evaluation.intervals import Interval
from shelfmind.images.squares import Square
from shelfmind.inference.engines import Engine
from shelfmind.inference.forward import Forward
from shelfmind.nouns import counted

EXACT = "fp32"
TOLERANCES = {EXACT: 1e-4, "bf16": 0.005, "int8": 0.005}
"""Tolerances by precision. For fp32, the maximum difference of a probability. For lower precisions, whose
probabilities change by hundredths when a network is uncertain, the loss of accuracy."""
MAX_DISAGREEMENT = 10
"""The share of images whose best class may change, as a multiple of the tolerance. Accuracy alone may be unchanged by
chance."""
TIMED = 5
"""Number of batches whose median time gives an engine's speed."""


@dataclass(frozen=True)
class EngineOutputs:
    """An engine's outputs for N images: probabilities (N, C), embeddings (N, D), and its speed in images/s."""

    probabilities: Floats
    embeddings: Floats
    images_per_second: float


@dataclass(frozen=True)
class Parity:
    """The difference of an engine's outputs from those of MindSpore on the same images.

    Attributes:
        images: number of images.
        greatest_difference: maximum difference of any probability.
        least_cosine: minimum cosine between the two embeddings of an image.
        agreement: share of images with the same best class.
        top1_before: MindSpore's accuracy, with its 95% interval.
        top1_after: the engine's accuracy, with its 95% interval.
        difference: difference of the accuracies, with its paired 95% interval.
        images_per_second: speed of the engine, including the preparation of squares.
    """

    images: int
    greatest_difference: float
    least_cosine: float
    agreement: float
    top1_before: tuple[float, Interval]
    top1_after: tuple[float, Interval]
    difference: tuple[float, Interval]
    images_per_second: float


def run_engine(engine: Engine, squares: Sequence[Square], size: int, batch_size: int) -> EngineOutputs:
    """Return an engine's outputs for squares, and its speed on full batches after compilation."""
    forward = Forward(engine, batch_size)
    outputs = [forward.batch(group, size) for group in batched(squares, batch_size)]
    probabilities, embeddings = (np.concatenate(each) for each in zip(*outputs, strict=True))
    whole = list(islice(cycle(squares), batch_size))  # an engine may pad partial batches
    forward.batch(whole, size)
    seconds = []
    for _ in range(TIMED):
        began = time.perf_counter()
        forward.batch(whole, size)
        seconds.append(time.perf_counter() - began)
    return EngineOutputs(probabilities, embeddings, batch_size / median(seconds))


def parity(before: EngineOutputs, after: EngineOutputs, labels: Ints) -> Parity:
    """Compare outputs on images with these labels, (N,)."""
    own, other = before.probabilities.argmax(axis=1), after.probabilities.argmax(axis=1)
    hit_before, hit_after = (np.asarray(each == labels, np.float64) for each in (own, other))
    lengths = np.linalg.norm(before.embeddings, axis=1) * np.linalg.norm(after.embeddings, axis=1)
    cosines = (before.embeddings * after.embeddings).sum(axis=1) / np.maximum(lengths, 1e-12)
    return Parity(
        images=len(labels),
        greatest_difference=float(np.abs(before.probabilities - after.probabilities).max()),
        least_cosine=float(cosines.min()),
        agreement=float((own == other).mean()),
        top1_before=(float(hit_before.mean()), hits_interval(hit_before)),
        top1_after=(float(hit_after.mean()), hits_interval(hit_after)),
        difference=(float((hit_after - hit_before).mean()), paired_interval(hit_after - hit_before)),
        images_per_second=round(after.images_per_second, 2),
    )


def accepted(precision: str, tolerance: float | None) -> float:
    """Return the requested tolerance, or that of the precision."""
    return TOLERANCES[precision] if tolerance is None else tolerance


def require_parity(name: str, found: Parity, precision: str, tolerance: float) -> list[str]:
    """Check a comparison, and return notes on what it cannot rule out.

    Raises:
        UserError: the engine differs from MindSpore by more than `tolerance`, see `TOLERANCES`, or outputs are NaN or
            infinite.
    """
    images, allowed = counted(found.images, "image"), argument("tolerance", tolerance)
    same = f"the best class is the same for {found.agreement:.2%} of {images}"
    if not np.isfinite((found.greatest_difference, found.least_cosine)).all():
        raise UserError(f"{name} or MindSpore gives NaN or infinite values for some of {images}; nothing was written")
    if precision == EXACT:
        if found.greatest_difference > tolerance:
            far = f"by up to {found.greatest_difference:.2g} in a probability ({same})"
            raise UserError(f"{name} differs from MindSpore {far}, more than {allowed}; nothing was written")
        return []
    change, (low, high) = found.difference[0], found.difference[1]
    points = f"{100 * change:+.2f} points of accuracy ({100 * low:+.2f} to {100 * high:+.2f})"
    if -change > tolerance or 1 - found.agreement > MAX_DISAGREEMENT * tolerance:
        raise UserError(
            f"{name} in {precision} differs from MindSpore: {points}; {same}; that is more than {allowed} allows; "
            "nothing was written. Compare on more images, calibrate int8 on more, or export in another precision"
        )
    if -low > tolerance:
        limit = f"{100 * tolerance:g} points"
        return [f"{name} in {precision}: {points}; {images} cannot rule out a loss of more than {limit}"]
    return []

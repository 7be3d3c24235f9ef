"""What one image tells of its own quality: blur, glare, darkness, information."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Floats = npt.NDArray[np.float32]
Grey = npt.NDArray[np.uint8]

WORKING_SIDE = 224
"""Images are measured at the size of a square of this side, so that a large photo is not sharper than a small one."""
CLIPPED = 250
"""From this value on a channel counts as saturated: JPEG moves 255 by a few levels."""
_GLARE_SIDE = 96
_FADING = 170
_BLUR_WINDOW = 9
_EDGE = 24.0
"""Grey levels over two pixels from which there is an edge: twice what JPEG blocks of quality 50 make in flat areas."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of one image.

    `blur` 0..1 (1 is fully blurred), `glare` and `clipped` the shares 0..1 of its area, `brightness` the 95th
    percentile of its luma and `luma` the mean, both 0..255, `contrast` their standard deviation, `entropy` in bits
    0..8 and `edges` the share 0..1 of its pixels that lie on an edge.
    """

    blur: float
    glare: float
    clipped: float
    brightness: float
    luma: float
    contrast: float
    entropy: float
    edges: float


def measure_quality(image: Image.Image) -> Quality:
    """The measures of an upright RGB image of any size."""
    grey = working_grey(image)
    histogram = np.bincount(grey.ravel(), minlength=256) / grey.size
    levels = np.arange(256)
    luma = float(histogram @ levels)
    white = whiteness(image)
    smooth = _smoothed(grey)
    return Quality(
        blur=blur_effect(smooth),
        glare=glare_share(white),
        clipped=float((white >= CLIPPED).mean()),
        brightness=float(np.searchsorted(np.cumsum(histogram), 0.95)),
        luma=luma,
        contrast=math.sqrt(max(0.0, float(histogram @ levels**2) - luma**2)),
        entropy=entropy_bits(histogram),
        edges=edge_share(smooth),
    )


def working_grey(image: Image.Image) -> Grey:
    """The luma of the image, made smaller to about the area of the working square, never larger."""
    grey = image.convert("L")
    factor = WORKING_SIDE / math.sqrt(grey.width * grey.height)
    if factor < 1:
        size = (max(1, round(grey.width * factor)), max(1, round(grey.height * factor)))
        grey = grey.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(grey)


def blur_effect(grey: Floats) -> float:
    """How little a further blur changes the image, 0 (sharp) to 1 (fully blurred or flat), shape (height, width).

    Crete et al., "The blur effect: perception and estimation with a new no-reference perceptual blur metric", 2007:
    steps between neighbours that vanish under a box blur were sharp. The greater of the two directions counts, so
    that motion blur does. Steps below a fiftieth of a grey level weigh nothing, so that a flat image is blurred.
    """
    blurs = []
    for axis in (0, 1):
        if grey.shape[axis] < 2:
            continue
        steps = np.abs(np.diff(grey, axis=axis))
        steps_after = np.abs(np.diff(ndimage.uniform_filter1d(grey, _BLUR_WINDOW, axis=axis), axis=axis))
        lost = np.maximum(steps - steps_after, 0).sum()
        blurs.append(1.0 - float(lost / (steps.sum() + 0.02 * steps.size)))
    return max(blurs, default=1.0)


def whiteness(image: Image.Image) -> Grey:
    """The least of the three channels, as seen at a longer side of 96 pixels or fewer, shape (height, width)."""
    factor = min(1.0, _GLARE_SIDE / max(image.size))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    small = np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=2.0))
    return np.asarray(small.min(axis=2))


def glare_share(white: Grey) -> float:
    """The share of the area that lies in burnt-out spots within the image, for what `whiteness` returns.

    A reflection fades out while white print ends: a spot counts if nearly all that lies just around it is bright as
    well and if it has no holes, as white print has where letters stand in it. One that touches the border is a
    background (a lamp, a window, a white sheet); specks below a five hundredth of the area are highlights that any
    package has.
    """
    clipped = white >= CLIPPED
    regions, count = ndimage.label(clipped)
    if not count:
        return 0.0
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    border = np.concatenate((regions[0], regions[-1], regions[:, 0], regions[:, -1]))
    sizes[np.unique(border)] = 0
    sizes[0] = 0
    sizes[sizes * 500 < clipped.size] = 0
    around = ndimage.grey_dilation(regions, size=(5, 5))
    around[clipped] = 0
    rings = np.bincount(around.ravel(), minlength=count + 1)
    bright = np.bincount(around[white >= _FADING], minlength=count + 1)
    sizes[bright < 0.95 * rings] = 0
    spots = np.flatnonzero(sizes)
    solid = [region for region in spots if sizes[region] > 0.95 * ndimage.binary_fill_holes(regions == region).sum()]
    return float(sizes[solid].sum() / clipped.size)


def entropy_bits(histogram: npt.NDArray[np.float64]) -> float:
    """Shannon's entropy of a histogram that sums to 1: 0 for one level, 8 for 256 equal ones."""
    shares = histogram[histogram > 0]
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def edge_share(grey: Floats) -> float:
    """The share of pixels where the grey level changes by 24 or more over two pixels in a direction."""
    if min(grey.shape) < 3:
        return 0.0
    across = np.abs(grey[1:-1, 2:] - grey[1:-1, :-2])
    down = np.abs(grey[2:, 1:-1] - grey[:-2, 1:-1])
    return float((np.maximum(across, down) >= _EDGE).mean())


def _smoothed(grey: Grey) -> Floats:
    """Blurred by a binomial of three pixels, which takes the noise off; the border is repeated."""
    padded = np.pad(grey.astype(np.float32), 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4)

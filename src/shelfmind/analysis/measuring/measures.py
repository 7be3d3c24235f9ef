"""Image quality measures: blur, glare, darkness, information content, and viewing angle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.analysis.measuring.angles import Directions, directions
from shelfmind.arrays import Floats
from shelfmind.images.fingerprints import WORKING_SIDE
from shelfmind.images.regions import box_blurred, filled, labelled, spread

Grey = npt.NDArray[np.uint8]

CLIPPED = 250
"""A channel at or above this value counts as saturated: JPEG shifts 255 by a few levels."""
_GLARE_SIDE = 96
_FADING = 170
_BLUR_WINDOW = 9
_LEVELS = np.arange(256)
_EDGE = 24.0
"""Grey-level difference over two pixels of an edge: twice that of JPEG blocks of quality 50 in flat areas."""


@dataclass(frozen=True)
class ImageFeatures:
    """An upright RGB image of any size, with the smaller versions that are measured."""

    image: Image.Image

    @cached_property
    def grey(self) -> Grey:
        """See `working_grey`."""
        return working_grey(self.image)

    @cached_property
    def smooth(self) -> Floats:
        """The denoised luma."""
        return _smoothed(self.grey)

    @cached_property
    def histogram(self) -> npt.NDArray[np.float64]:
        """The share of each of the 256 levels of the luma."""
        return np.asarray(np.bincount(self.grey.ravel(), minlength=256) / self.grey.size)

    @cached_property
    def directions(self) -> Directions:
        """The pose of the package."""
        return directions(self.smooth)

    @cached_property
    def white(self) -> Grey:
        """See `whiteness`."""
        return whiteness(self.image)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a measure makes an image suspicious, and how the audit report describes it.

    `sign` is 1 if large values are bad, else -1. Values within `never` are never flagged, values beyond `always` are
    always flagged. In between, an image must deviate from its class, by a robust z-score of 3.5 and by at least
    `excess`, so that white packs do not count as glare or smooth fruit as blur. `issue` is the name of the issue,
    `words` describe one such image, `title` and `note` all of them. `enrolment` is whether it also counts as a fault of
    photos enrolled in a gallery, `lowers_quality` whether it makes a photo hard to recognise.
    """

    issue: str
    sign: int
    never: float
    always: float
    excess: float
    words: str
    title: str = ""
    note: str = ""
    enrolment: bool = True
    lowers_quality: bool = True


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured quantity of an image; `rule` specifies when it is a fault, if ever."""

    of: Callable[[ImageFeatures], float]
    rule: Rule | None = None


def measure_quality(image: Image.Image) -> dict[str, float]:
    """All `MEASURES` of an upright RGB image of any size, by name."""
    features = ImageFeatures(image)
    return {name: measure.of(features) for name, measure in MEASURES.items()}


def working_grey(image: Image.Image) -> Grey:
    """The luma of the image, downscaled to about the area of the working square, never upscaled."""
    grey = image.convert("L")
    factor = WORKING_SIDE / math.sqrt(grey.width * grey.height)
    if factor < 1:
        size = (max(1, round(grey.width * factor)), max(1, round(grey.height * factor)))
        grey = grey.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(grey)


def blur_effect(grey: Floats) -> float:
    """How little an additional blur changes the image, 0 (sharp) to 1 (fully blurred or flat), for shape (height,
    width).

    Crete et al., "The blur effect: perception and estimation with a new no-reference perceptual blur metric", 2007:
    differences between neighbours that vanish under a box blur were sharp. The greater of the two directions counts, to
    detect motion blur. Differences below a fiftieth of a grey level are ignored, so that a flat image is blurred.
    """
    blurs = []
    for axis in (0, 1):
        if grey.shape[axis] < 2:
            continue
        steps = np.abs(np.diff(grey, axis=axis))
        steps_after = np.abs(np.diff(box_blurred(grey, _BLUR_WINDOW, axis), axis=axis))
        lost = np.maximum(steps - steps_after, 0).sum()
        blurs.append(1.0 - float(lost / (steps.sum() + 0.02 * steps.size)))
    return max(blurs, default=1.0)


def whiteness(image: Image.Image) -> Grey:
    """The minimum of the three channels, at a longer side of at most 96 pixels, shape (height, width)."""
    factor = min(1.0, _GLARE_SIDE / max(image.size))
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    small = np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=2.0))
    return np.asarray(small.min(axis=2))


def glare_share(white: Grey) -> float:
    """The share of the area covered by burnt-out spots within the image, given the output of `whiteness`.

    Reflections fade out, whereas white print ends abruptly: a spot counts if nearly all of its immediate surroundings
    are bright and if it has no holes, as white print has where there are letters. Spots that touch the border are
    background (a lamp, a window, a white sheet); specks below a five-hundredth of the area are highlights that any
    package has.
    """
    clipped = white >= CLIPPED
    regions, count = labelled(clipped)
    if not count:
        return 0.0
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    border = np.concatenate((regions[0], regions[-1], regions[:, 0], regions[:, -1]))
    sizes[np.unique(border)] = 0
    sizes[0] = 0
    sizes[sizes * 500 < clipped.size] = 0
    around = spread(regions, 2)
    around[clipped] = 0
    rings = np.bincount(around.ravel(), minlength=count + 1)
    bright = np.bincount(around[white >= _FADING], minlength=count + 1)
    sizes[bright < 0.95 * rings] = 0
    spots = np.flatnonzero(sizes)
    solid = [region for region in spots if sizes[region] > 0.95 * filled(regions == region).sum()]
    return float(sizes[solid].sum() / clipped.size)


def brightness(histogram: npt.NDArray[np.float64]) -> float:
    """The 95th percentile of the luma, 0 to 255."""
    return float(np.searchsorted(np.cumsum(histogram), 0.95))


def mean_luma(histogram: npt.NDArray[np.float64]) -> float:
    """The mean of the luma, 0 to 255."""
    return float(histogram @ _LEVELS)


def contrast(histogram: npt.NDArray[np.float64]) -> float:
    """The standard deviation of the luma, 0 to 255."""
    return math.sqrt(max(0.0, float(histogram @ _LEVELS**2) - mean_luma(histogram) ** 2))


def entropy_bits(histogram: npt.NDArray[np.float64]) -> float:
    """Shannon's entropy of a histogram that sums to 1: 0 for one level, 8 for 256 equal ones."""
    shares = histogram[histogram > 0]
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def edge_share(grey: Floats) -> float:
    """The share of pixels at which the grey level changes by at least 24 over two pixels in some direction."""
    if min(grey.shape) < 3:
        return 0.0
    across = np.abs(grey[1:-1, 2:] - grey[1:-1, :-2])
    down = np.abs(grey[2:, 1:-1] - grey[:-2, 1:-1])
    return float((np.maximum(across, down) >= _EDGE).mean())


def _smoothed(grey: Grey) -> Floats:
    """Smoothed by a three-pixel binomial filter to remove noise; borders are repeated."""
    padded = np.pad(grey.astype(np.float32), 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.asarray((rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4)


MEASURES: dict[str, Measure] = {
    "blur": Measure(
        lambda features: blur_effect(features.smooth),
        Rule(
            "blur", 1, 0.63, 0.80, 0.10, "blurred", "Blurred",
            "Blurring them further changes little, far less than for the rest of their class.",
        ),
    ),
    "glare": Measure(
        lambda features: glare_share(features.white),
        Rule(
            "glare", 1, 0.01, 0.15, 0.01, "burnt-out spots", "Glare",
            "Burnt-out spots within the image that fade into their surroundings.",
        ),
    ),
    "clipped": Measure(
        lambda features: float((features.white >= CLIPPED).mean()),
        Rule(
            "over_exposed", 1, 0.25, 0.70, 0.15, "over-exposed", "Over-exposed",
            "Large areas are pure white, more than in other images of the class.",
        ),
    ),
    "brightness": Measure(
        lambda features: brightness(features.histogram),
        Rule("dark", -1, 110.0, 60.0, 30.0, "dark", "Dark", "Even the brightest parts are dim."),
    ),
    "luma": Measure(lambda features: mean_luma(features.histogram)),
    "contrast": Measure(lambda features: contrast(features.histogram)),
    "entropy": Measure(lambda features: entropy_bits(features.histogram)),
    "edges": Measure(
        lambda features: edge_share(features.smooth),
        Rule(
            "low_information", -1, 0.03, 0.004, 0.03, "almost no content", "Almost no content",
            "Hardly any edges: a blank wall, a covered lens.",
        ),
    ),
    "lines": Measure(lambda features: features.directions.clear),
    "tilt": Measure(
        lambda features: abs(features.directions.tilt_deg),
        Rule(
            "tilted", 1, 12.0, 45.0, 10.0, "rotated in the plane", "Tilted",
            "The package is rotated in the image plane (in degrees), far more than others of its class.",
            enrolment=False,  # enrolled photos show packages at any angle
            lowers_quality=False,
        ),
    ),
    "askew": Measure(lambda features: features.directions.askew_deg),
}  # fmt: skip
"""All measures of an audit. A new measure is a function and an entry here; it is then cached, flagged, listed in
`issues.csv` and shown in the report. Increase `measurement._VERSION` when an existing measure changes."""

"""Training augmentations by name: MindSpore's C++ operators, and additional ones before and after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mindspore.dataset import vision

from shelfmind.errors import UserError, unknown_name
from shelfmind.recipe import Augmentation, DataRecipe
from shelfmind.transforms.color_cast import random_color_cast, require_color_cast
from shelfmind.transforms.erasing import random_erasing, require_erasing
from shelfmind.transforms.perspective import random_perspective, require_perspective

Range = Sequence[float]


def random_resized_crop(size: int, data: DataRecipe, scale: Range = (0.08, 1.0), ratio: Range = (0.75, 1.3333)) -> Any:
    """A random crop with `scale` of the area and `ratio` of width to height, resized to `size`."""
    return vision.RandomResizedCrop(size, tuple(scale), tuple(ratio), vision.Inter.LINEAR)


def horizontal_flip(size: int, data: DataRecipe, probability: float = 0.5) -> Any:
    """Horizontal flip with this probability."""
    return vision.RandomHorizontalFlip(probability)


def color_jitter(
    size: int,
    data: DataRecipe,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.0,
) -> Any:
    """Random brightness, contrast and saturation within 1 +- the value, hue within +- the value (at most 0.5)."""
    return vision.RandomColorAdjust(brightness, contrast, saturation, hue)


def random_rotation(size: int, data: DataRecipe, degrees: float = 10.0) -> Any:
    """Rotation about the centre by up to `degrees` in either direction; corners are filled with the padding colour."""
    return vision.RandomRotation(degrees, vision.Inter.LINEAR, fill_value=data.fill)


def cutout(size: int, data: DataRecipe, length: int | None = None, patches: int = 1, share: float | None = None) -> Any:
    """`patches` black squares (DeVries and Taylor, "Cutout", 2017) with a side of `length` pixels (default 14), or of
    `share` of the training image's side, which scales with progressive image sizes.

    The paper and the contest solution apply it after normalisation, where 0 is the data's mean colour. MindSpore's
    operator applies it to the 8-bit image, so that 0 is black; all results with Cutout in this project use black.
    """
    if share is None:
        return vision.CutOut(14 if length is None else length, patches)
    if length is not None:
        raise ValueError(f"length (in pixels) and share (of the side) exclude each other; got {length} and {share}")
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError(f"share must be a number in (0, 1], such as 0.125, got {share!r}")
    return vision.CutOut(max(1, int(share * size + 0.5)), patches)


def auto_augment(size: int, data: DataRecipe, policy: str = "imagenet") -> Any:
    """A random one of 25 pairs of operations learnt on `policy`'s data: imagenet, cifar10 or svhn (Cubuk et al.,
    "AutoAugment", CVPR 2019)."""
    policies = {kind.value: kind for kind in vision.AutoAugmentPolicy}
    if policy not in policies:
        raise ValueError(f"policy must be one of {', '.join(policies)}, got {policy}")
    return vision.AutoAugment(policies[policy], vision.Inter.BILINEAR, data.fill)


def rand_augment(size: int, data: DataRecipe, operations: int = 2, magnitude: int = 9) -> Any:
    """`operations` random operations of one magnitude, 0 to 30 (Cubuk et al., "RandAugment", 2019)."""
    return vision.RandAugment(operations, magnitude, 31, vision.Inter.BILINEAR, data.fill)


def trivial_augment_wide(size: int, data: DataRecipe) -> Any:
    """One random operation of random magnitude (Mueller and Hutter, "TrivialAugment", ICCV 2021)."""
    return vision.TrivialAugmentWide(31, vision.Inter.BILINEAR, data.fill)


AUGMENTATIONS: dict[str, Callable[..., Any]] = {
    "auto_augment": auto_augment,
    "rand_augment": rand_augment,
    "trivial_augment_wide": trivial_augment_wide,
    "random_resized_crop": random_resized_crop,
    "horizontal_flip": horizontal_flip,
    "color_jitter": color_jitter,
    "random_rotation": random_rotation,
    "cutout": cutout,
}


FIRST: dict[str, tuple[Callable[..., Any], Callable[..., None]]] = {
    "random_perspective": (random_perspective, require_perspective),
    "random_color_cast": (random_color_cast, require_color_cast),
}
"""Augmentations of squares, before the operators: the function, and the check of its parameters."""
LAST: dict[str, tuple[Callable[..., Any], Callable[..., None]]] = {"random_erasing": (random_erasing, require_erasing)}
"""Augmentations of batches of network input, after the operators."""

WORKING_SCALE = 1.75
"""Augmentation starts from at most this many pixels per training pixel: enough detail for the smallest crops, but few
enough for the operators' linear interpolation, which does not average, to use every pixel."""


def resized_to(size: int, data: DataRecipe) -> Any:
    """Resize from `resize_to` to `size` pixels; area averages when shrinking keep fine print from aliasing."""
    return vision.Resize((size, size), vision.Inter.AREA if size < data.resize_to else vision.Inter.LINEAR)


@dataclass(frozen=True)
class AugmentationPipeline:
    """A recipe's augmentations for one image size.

    `squares` are functions (square, generator) -> square and `batches` functions (images, generator) -> images;
    `operators` are MindSpore operators that map a square to a `size` square.
    """

    squares: tuple[Callable[..., Any], ...]
    operators: tuple[Any, ...]
    batches: tuple[Callable[..., Any], ...]


def build_augmentations(augment: Sequence[Augmentation], size: int, data: DataRecipe) -> AugmentationPipeline:
    """The augmentations of a recipe for training images of `size` pixels.

    Raises:
        UserError: an unknown name, invalid parameters, or one of `FIRST` or `LAST` out of order.
    """
    ranks = dict.fromkeys(FIRST, 0) | dict.fromkeys(AUGMENTATIONS, 1) | dict.fromkeys(LAST, 2)
    for name, _ in augment:
        if name not in ranks:
            raise unknown_name("augmentation", name, ranks)
    order = [ranks[name] for name, _ in augment]
    if order != sorted(order):
        first, last = ", ".join(FIRST), ", ".join(LAST)
        raise UserError(f"augment: {first} must come before all other operators, {last} after them")
    parts: tuple[list[Any], list[Any], list[Any]] = ([], _to_working_size(augment, size, data), [])
    for name, parameters in augment:
        try:
            parts[ranks[name]].append(_built(name, parameters, size, data))
        except (TypeError, ValueError) as error:
            raise UserError(f"augmentation {name}: {str(error).splitlines()[0]}") from error
    return AugmentationPipeline(*(tuple(part) for part in parts))


def _built(name: str, parameters: dict[str, Any], size: int, data: DataRecipe) -> Any:
    if name in AUGMENTATIONS:
        return AUGMENTATIONS[name](size, data, **parameters)
    function, require = (FIRST | LAST)[name]
    require(**parameters)
    return partial(function, **parameters, **({"fill": data.fill} if name in FIRST else {}))


def _to_working_size(augment: Sequence[Augmentation], size: int, data: DataRecipe) -> list[Any]:
    if not any(name == "random_resized_crop" for name, _ in augment):
        return [resized_to(size, data)]
    if data.resize_to > WORKING_SCALE * size:
        return [resized_to(round(WORKING_SCALE * size), data)]
    return []


def input_operators(data: DataRecipe) -> list[Any]:
    """Convert an 8-bit (H, W, 3) image to normalised float32 network input (3, H, W)."""
    scale = 255.0
    mean = [value * scale for value in data.mean]
    std = [value * scale for value in data.std]
    return [vision.Normalize(mean, std), vision.HWC2CHW()]

"""Named augmentation policies: lists of operators for recipes."""

from __future__ import annotations

from typing import Any

_CROP_AND_FLIP: tuple[Any, ...] = ({"random_resized_crop": {"scale": [0.08, 1.0]}}, "horizontal_flip")
_JITTER: dict[str, Any] = {"color_jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4}}

POLICIES: dict[str, tuple[Any, ...]] = {
    "none": (),
    "light": ({"random_resized_crop": {"scale": [0.5, 1.0]}}, "horizontal_flip"),
    # The contest solution's augmentation experiments: its baseline, with one operator added or replaced.
    # It uses Cutout squares of 7, 14 and 28 pixels at 224 px; here as shares of the side, for any image size.
    "contest": (*_CROP_AND_FLIP, _JITTER),
    "contest_cutout_32nd": (*_CROP_AND_FLIP, _JITTER, {"cutout": {"share": 1 / 32}}),
    "contest_cutout_16th": (*_CROP_AND_FLIP, _JITTER, {"cutout": {"share": 1 / 16}}),
    "contest_cutout_8th": (*_CROP_AND_FLIP, _JITTER, {"cutout": {"share": 1 / 8}}),
    "contest_auto_augment": (*_CROP_AND_FLIP, "auto_augment"),
    "contest_random_erasing": (*_CROP_AND_FLIP, _JITTER, "random_erasing"),
    "rand_augment": (*_CROP_AND_FLIP, "rand_augment"),
    "trivial": (*_CROP_AND_FLIP, "trivial_augment_wide"),
    "strong": (
        "random_perspective",
        {"random_resized_crop": {"scale": [0.25, 1.0]}},
        "horizontal_flip",
        {"random_rotation": {"degrees": 15}},
        _JITTER,
        "random_erasing",
    ),
}

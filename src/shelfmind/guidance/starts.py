"""Initial weights for data sets with too few photos for random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shelfmind.errors import Message, call
from shelfmind.guidance.purposes import CONTEST
from shelfmind.guidance.thresholds import FEW_PHOTOS
from shelfmind.model_facts import model_facts
from shelfmind.nouns import counted

GENERATED = "generated"
"""The name of the weights shipped with shelfmind, repeated from `models.generated`, which loads MindSpore."""
FEW = "half of the classes have"
"""The beginning of the warning about too few photos."""
SMALLEST_OFFICIAL = "resnet18"
"""The smallest network with official weights, used if a recipe's network has none."""


def official_start(network: str) -> str:
    """The network with official ImageNet weights to use instead of `network`: itself if it has any."""
    official = {row["name"] for row in model_facts() if row["official_megabytes"] is not None}
    return network if network in official else SMALLEST_OFFICIAL


def typical_count(counts: Sequence[int]) -> int:
    """The median number of photos of classes that have any."""
    present = sorted(count for count in counts if count > 0)
    return present[len(present) // 2] if present else 0


def with_official_start(arguments: Mapping[str, Any], network: str) -> dict[str, Any]:
    """The training arguments changed to start from official weights, if necessary with another network."""
    start = official_start(network)
    kept = [each for each in arguments.get("overrides", ()) if start == network or not each.startswith("model.")]
    overrides = kept if start == network else [*kept, f"model.name={start}"]
    changed = {**arguments, "overrides": overrides, "weights": start}
    return {name: value for name, value in changed.items() if value not in ([], ())}


def random_weights_warning(
    counts: Sequence[int], network: str, arguments: Mapping[str, Any], rules: str | None
) -> Message | None:
    """The warning before training from random weights with too few photos per class, with better options; None if there
    are enough.

    Args:
        counts: Training photos of each class.
        arguments: Arguments of `train` for another attempt.
    """
    few = _few(counts)
    if few is None:
        return None
    start = call("train", **with_official_start(arguments, network))
    others = "" if rules == CONTEST else _other_starts(str(arguments["data"]))
    return Message(f"{few}. Start from official ImageNet weights instead: {start}{others}")


def random_folds_warning(counts: Sequence[int], arguments: Mapping[str, Any]) -> Message | None:
    """The warning before a label check from random weights with too few photos per class; None if there are enough.

    Args:
        counts: Photos of each class outside test.
        arguments: Arguments of `find_label_errors` for another attempt.
    """
    few = _few(counts)
    if few is None:
        return None
    start = call("find_label_errors", **{**arguments, "weights": GENERATED})
    return Message(f"{few}. Start the check from the weights shipped with shelfmind instead: {start}")


def _few(counts: Sequence[int]) -> str | None:
    typical = typical_count(counts)
    if typical >= FEW_PHOTOS:
        return None
    return (
        f"{FEW} {counted(typical, 'training photo')} or fewer, too few for random weights: "
        "with 5 photos of each of 81 products, short training recognised 40% of photos from other shops"
    )


def _other_starts(data: str) -> str:
    pretraining = call("pretrain", data="MORE_PHOTOS", out="runs/pretrained")
    begun = call("train", data=data, weights="runs/pretrained", out="OUT")
    gallery = call("gallery_create", gallery="products", run="RUN", data=data)
    shipped = call("train", data=data, weights=GENERATED, out="OUT")
    return (
        f"; or, without a download, from the weights shipped with shelfmind: {shipped}; "
        f"or enrol the photos in a gallery of a run that was trained on more products (62% in that test): {gallery}; "
        f"or pretrain on many more photos: {pretraining}, then {begun}"
    )

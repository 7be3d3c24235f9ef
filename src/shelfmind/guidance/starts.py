"""When there are too few photos for random weights, and which start helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shelfmind.errors import Message, call
from shelfmind.guidance.purposes import CONTEST
from shelfmind.guidance.thresholds import FEW_PHOTOS
from shelfmind.model_facts import model_facts
from shelfmind.nouns import counted

SMALLEST_OFFICIAL = "resnet18"
"""The smallest network with official weights, for recipes whose own network has none."""


def official_start(network: str) -> str:
    """The network with official ImageNet weights to take in place of `network`: itself if it has any."""
    official = {row["name"] for row in model_facts() if row["official_megabytes"] is not None}
    return network if network in official else SMALLEST_OFFICIAL


def typical_count(counts: Sequence[int]) -> int:
    """How many photos the middle one has of the classes that have any."""
    present = sorted(count for count in counts if count > 0)
    return present[len(present) // 2] if present else 0


def with_official_start(arguments: Mapping[str, Any], network: str) -> dict[str, Any]:
    """The arguments of a training changed so that it starts from official weights, perhaps with another network."""
    start = official_start(network)
    kept = [each for each in arguments.get("overrides", ()) if start == network or not each.startswith("model.")]
    overrides = kept if start == network else [*kept, f"model.name={start}"]
    changed = {**arguments, "overrides": overrides, "weights": start}
    return {name: value for name, value in changed.items() if value not in ([], ())}


def doubt_of_random_weights(
    counts: Sequence[int], network: str, arguments: Mapping[str, Any], rules: str | None
) -> Message | None:
    """What to say before a training from random weights on too few photos a class, with the starts that help; None
    where there are enough. `counts` are the training photos of each class, `arguments` those of `train` for another
    try."""
    typical = typical_count(counts)
    if typical >= FEW_PHOTOS:
        return None
    few = (
        f"half of the classes have {counted(typical, 'training photo')} or fewer, and random weights make little of "
        "that: with 5 photos of each of 81 products a short training named 40% of photos from other shops"
    )
    start = call("train", **with_official_start(arguments, network))
    others = "" if rules == CONTEST else _other_starts(str(arguments["data"]))
    return Message(f"{few}. Better start from official ImageNet weights: {start}{others}")


def _other_starts(data: str) -> str:
    pretraining = call("pretrain", data="MORE_PHOTOS", out="runs/pretrained")
    begun = call("train", data=data, weights="runs/pretrained", out="OUT")
    gallery = call("gallery_create", gallery="products", run="RUN", data=data)
    return (
        f"; or enrol them in a gallery of a run that was trained on more products (there 62%): {gallery}; "
        f"or pretrain on many more photos: {pretraining}, then {begun}"
    )

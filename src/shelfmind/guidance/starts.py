"""Initial weights for data sets with too few photos for random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shelfmind.errors import Message, call
from shelfmind.guidance.thresholds import FEW_PHOTOS, SMALL_BATCH, SMALL_BATCH_BELOW
from shelfmind.model_facts import model_facts
from shelfmind.nouns import counted
from shelfmind.overrides import format_override

GENERATED = "generated"
"""The name of the weights shipped with shelfmind, repeated from `models.generated`, which loads MindSpore."""
FEW = "half of the classes have"
"""The beginning of the warning about too few photos."""
SMALLEST_OFFICIAL = "resnet18"
"""The smallest network with official weights, used if a recipe's network has none."""
WEIGHTS_KEY = "model.weights"
"""The recipe key with its own argument, `weights`."""
FINE_TUNING_RATE = 0.01
"""Learning rate that preserves pretrained features: a fifth of that of training from random weights."""


def official_start(network: str) -> str:
    """The network with official ImageNet weights to use instead of `network`: itself if it has any."""
    official = {row["name"] for row in model_facts() if row["official_megabytes"] is not None}
    return network if network in official else SMALLEST_OFFICIAL


def typical_count(counts: Sequence[int]) -> int:
    """The median number of photos of classes that have any."""
    present = sorted(count for count in counts if count > 0)
    return present[len(present) // 2] if present else 0


def official_changes(network: str, train_photos: int) -> dict[str, Any]:
    """The recipe keys to change for fine-tuning official weights of `network`, or of a similar one, on this many
    photos."""
    start = official_start(network)
    return {"model.name": start, WEIGHTS_KEY: start, "train.lr": FINE_TUNING_RATE, **small_batch(train_photos)}


def small_batch(train_photos: int) -> dict[str, Any]:
    """The recipe key to change so that an epoch of few photos has several steps; none for enough photos."""
    return {"train.batch_size": SMALL_BATCH} if train_photos < SMALL_BATCH_BELOW else {}


def with_official_start(arguments: Mapping[str, Any], network: str, train_photos: int) -> dict[str, Any]:
    """The training arguments changed to start from official weights, if necessary with another network."""
    changes = official_changes(network, train_photos)
    weights = changes.pop(WEIGHTS_KEY)
    if weights == network:
        del changes["model.name"]
    replaced = (*(() if weights == network else ("model.",)), *(f"{key}=" for key in changes))
    kept = [each for each in arguments.get("overrides", ()) if not each.startswith(replaced)]
    overrides = [*kept, *(format_override(key, value) for key, value in changes.items())]
    return {**arguments, "overrides": overrides, "weights": weights}


def random_folds_warning(counts: Sequence[int], arguments: Mapping[str, Any]) -> Message | None:
    """The warning before a label check from random weights with too few photos per class; None if there are enough.

    Args:
        counts: Photos of each class outside test.
        arguments: Arguments of `find_label_errors` for another attempt.
    """
    typical = typical_count(counts)
    if typical >= FEW_PHOTOS:
        return None
    start = call("find_label_errors", **{**arguments, "weights": GENERATED})
    return Message(f"{too_few(typical)}. Start the check from the weights shipped with shelfmind instead: {start}")


def too_few(typical: int) -> str:
    """The fact that classes with `typical` photos are too small for random weights."""
    return f"{FEW} {counted(typical, 'training photo')} or fewer, too few for random weights"

"""The best weights are those of the best epoch at the image size of predictions."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        ([(64, 0.2), (64, 0.6), (64, 0.5)], 1),
        ([(64, 0.6), (64, 0.6)], 1),
        ([(64, 0.95), (80, 0.7), (80, 0.8), (80, 0.75)], 2),
        ([(64, 0.95), (80, 0.1)], 1),
        ([(64, None), (64, None)], None),
    ],
)
def test_the_best_epoch_is_one_of_the_last_size(
    epochs: list[tuple[int, float | None]], best: int | None, mindspore: Any
) -> None:
    from shelfmind.training.loop import is_best
    from shelfmind.training.state import Position

    position, kept = Position(), None
    for number, (size, top1) in enumerate(epochs):
        if is_best(position, {"image_size": size, "val_top1": top1}):
            position.best_top1, position.best_size, kept = top1, size, number
    assert kept == best

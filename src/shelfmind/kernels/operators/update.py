"""The update of all weights in one operator."""

from __future__ import annotations

from typing import Any

from mindspore import ops

from shelfmind.kernels.operators.custom import FLOAT, function


def update_in_place() -> Any:
    """The operator that updates weights, velocities and averages where they lie; see `update.cpp`.

    MindSpore is told that it has an effect on memory, so that it keeps the order, but not on which inputs: else every
    weight would be copied for each of its readers, forward and backward, though all of them come before the gradients.
    """
    update = ops.Custom(function("update"), (1,), FLOAT, "aot")
    update.add_prim_attr("side_effect_mem", True)
    return update

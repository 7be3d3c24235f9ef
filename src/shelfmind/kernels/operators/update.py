"""The update of all weights in a single operator."""

from __future__ import annotations

from typing import Any

from mindspore import ops

from shelfmind.kernels.operators.custom import FLOAT, function


def update_in_place() -> Any:
    """The operator that updates weights, velocities and averages in place; see `update.cpp`.

    It declares a memory effect to MindSpore, which preserves the order, but not the affected inputs. Otherwise every
    weight would be copied for each of its readers, forward and backward, although all of them precede the gradients.
    """
    update = ops.Custom(function("update"), (1,), FLOAT, "aot")
    update.add_prim_attr("side_effect_mem", True)
    return update

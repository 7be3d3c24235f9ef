"""Correction for multiple comparisons."""

from __future__ import annotations

from collections.abc import Sequence


def holm(chances: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that, with probability 0.95, none below 0.05 is a false positive, whatever their
    dependence.

    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 1979.
    """
    adjusted = [1.0] * len(chances)
    reached = 0.0
    for place, index in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        reached = max(reached, min(1.0, chances[index] * (len(chances) - place)))
        adjusted[index] = reached
    return adjusted

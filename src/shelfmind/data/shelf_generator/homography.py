"""Maps between quadrilaterals, as Pillow's perspective transform takes them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""Four points, shape (4, 2)."""


def perspective_coefficients(source: Points, target: Points) -> list[float]:
    """The eight coefficients that map four source points to four target points."""
    (x, y), (u, v) = source.T, target.T
    one, zero = np.ones(4), np.zeros(4)
    across = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], 1)
    down = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], 1)
    return [float(c) for c in np.linalg.solve(np.concatenate([across, down]), np.concatenate([u, v]))]

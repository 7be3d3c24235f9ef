"""Array types."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
"""Single precision: outputs of networks, images."""
Wide = npt.NDArray[np.float64]
"""Double precision: sums, statistics, decisions."""

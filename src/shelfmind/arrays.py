"""Types of arrays that everything is computed with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
"""What networks and images give: single precision."""
Wide = npt.NDArray[np.float64]
"""What is summed up or decided by: double precision."""

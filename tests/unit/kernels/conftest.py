"""oneDNN's kernels in both precisions."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session", params=["fp32", "bf16"])
def kernels(library: Any, request: Any) -> Any:
    """oneDNN's kernels in each precision."""
    from shelfmind.kernels.channels_last import OneDnnKernels

    return OneDnnKernels(library, request.param)

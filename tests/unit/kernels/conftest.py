"""oneDNN's kernels in both precisions."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session", params=["fp32", "bf16"])
def kernels(library: Any, request: Any) -> Any:
    """oneDNN's kernels in each precision."""
    from shelfmind.kernels.channels_last import OneDnnKernels
    from shelfmind.kernels.library import can_bf16

    if request.param == "bf16" and not can_bf16():
        pytest.skip("this CPU has no AVX-512, which oneDNN needs for bfloat16")
    return OneDnnKernels(library, request.param)

"""oneDNN's kernels, compiled once a session; skipped where they cannot run."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def library(mindspore: Any) -> Any:
    """The compiled operators."""
    from shelfmind.kernels.library import UnavailableError, load_library, require_fast_processor
    from shelfmind.machine.cores import available_cores

    try:
        require_fast_processor()
        return load_library(available_cores())
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", params=["fp32", "bf16"])
def kernels(library: Any, request: Any) -> Any:
    """oneDNN's kernels in each precision."""
    from shelfmind.kernels.channels_last import OneDnnKernels

    return OneDnnKernels(library, request.param)

"""ONNX Runtime without telemetry."""

from __future__ import annotations

import os
from typing import Any

REPORTS_OFF = "ORT_DISABLE_TELEMETRY"


def onnx_runtime() -> Any:
    """The package `onnxruntime`; import it only through this function.

    From 1.29 on, its builds send the names and hashes of each model and an identifier of this machine to Microsoft, or
    store them in the user's cache until they can. They read this environment variable on import; 0 disables that.
    """
    os.environ.setdefault(REPORTS_OFF, "1")
    import onnxruntime

    return onnxruntime

"""ONNX Runtime, silent towards its makers."""

from __future__ import annotations

import os
from typing import Any

REPORTS_OFF = "ORT_DISABLE_TELEMETRY"


def onnx_runtime() -> Any:
    """The package `onnxruntime`, imported here and nowhere else before.

    Its builds from 1.29 on send the names and hashes of each model and a number of this machine to Microsoft, and keep
    them in the user's cache until they can. They look at this variable when they are imported; 0 lets them.
    """
    os.environ.setdefault(REPORTS_OFF, "1")
    import onnxruntime

    return onnxruntime

"""OpenVINO's bindings are used by one thread alone before several may: two first calls that meet hang for ever."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from shelfmind.inference.engines.openvino import OpenVinoEngine
from shelfmind.inference.exported import Exported


def test_the_first_calls_never_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    inside, most = [0], [0]
    counting = threading.Lock()

    def first_call(*_: Any, **__: Any) -> SimpleNamespace:
        with counting:
            inside[0] += 1
            most.append(inside[0])
        time.sleep(0.01)
        with counting:
            inside[0] -= 1
        return SimpleNamespace(data=np.zeros(1))

    bindings = SimpleNamespace(
        Core=SimpleNamespace, Type=SimpleNamespace(u8=SimpleNamespace(to_dtype=first_call)), Tensor=first_call
    )
    monkeypatch.setitem(sys.modules, "openvino", bindings)
    exported = Exported(Path("shelf.onnx"), b"", "onnx", {"precision": "fp32"}, None)
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(lambda _: OpenVinoEngine(exported, 8), range(4)))
    assert len(engines) == 4
    assert most.count(1) == 8  # both calls of each, and nothing beside them
    assert max(most) == 1

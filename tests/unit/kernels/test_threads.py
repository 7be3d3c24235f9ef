"""Every operator computes everything, however few threads OpenMP lets it have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ALONE = Path(__file__).with_name("operators_alone.py")


@pytest.mark.parametrize("setting", ["OMP_THREAD_LIMIT=1", "OMP_DYNAMIC=true", "OMP_NUM_THREADS=1"])
def test_no_thread_leaves_its_share_to_one_that_is_missing(setting: str, library: Any) -> None:
    name, _, value = setting.partition("=")
    command = [sys.executable, ALONE, library.path]
    environment = {**os.environ, name: value}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ""

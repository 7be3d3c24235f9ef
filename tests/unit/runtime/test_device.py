"""MindSpore starts with fast convolutions, with what the user has set, and with Ctrl-C left to Python."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.runtime.device import keep_interrupts, share_memory_arenas, start_mindspore


def fresh_process(*arguments: str, **variables: str) -> dict[str, Any]:
    """What a new process finds without ONEDNN_MAX_CPU_ISA but for these variables."""
    environment = {name: value for name, value in os.environ.items() if name != "ONEDNN_MAX_CPU_ISA"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("fresh_process.py")), *arguments],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_convolutions_are_fast_and_ctrl_c_reaches_python() -> None:
    found = fresh_process("everything")
    assert found["isa"] == "AVX2"
    assert found["gflops"] > 10
    assert found["interrupted"]


def test_what_the_user_has_set_stays() -> None:
    assert fresh_process(ONEDNN_MAX_CPU_ISA="SSE41") == {"isa": "SSE41"}


def test_an_interrupt_taken_behind_pythons_back_is_given_back() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        c_signal = ctypes.CDLL(None).signal
        c_signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
        c_signal(signal.SIGINT, 1)  # SIG_IGN, which Python does not learn of
        signal.raise_signal(signal.SIGINT)
        keep_interrupts()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_may_ask_for_it_in_vain() -> None:
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            keep_interrupts()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert errors == []


def test_memory_arenas_are_shared_unless_the_user_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert share_memory_arenas() == hasattr(ctypes.CDLL(None), "mallopt")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    assert not share_memory_arenas()


def test_an_unknown_device_is_named(mindspore: Any) -> None:
    with pytest.raises(UserError, match="unknown device 'TPU'; known: CPU, GPU, Ascend"):
        start_mindspore("TPU")
    assert mindspore.get_context("device_target") in ("CPU", "GPU", "Ascend")

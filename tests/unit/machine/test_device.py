"""MindSpore starts with fast convolutions, with what the user has set, and with Ctrl-C left to Python."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.kernels.library import installed as kernels_installed
from shelfmind.machine.device import (
    DEVICE_FILES,
    SPINS,
    deferred_interrupts,
    interruptible,
    restore_interrupts,
    start_mindspore,
)


def fresh_process(*arguments: str, **variables: str) -> dict[str, Any]:
    """What a new process finds without the variables of oneDNN and its threads but for these."""
    own = ("ONEDNN_MAX_CPU_ISA", "SHELFMIND_SET_ISA_LIMIT", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    environment = {name: value for name, value in os.environ.items() if name not in own}
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
    assert found["isa_of_others"] is None
    assert found["spins"] == (SPINS if kernels_installed() else None)
    assert found["gflops"] > 2  # 100 on an idle core, 0.5 without the limit
    assert found["interrupted"]


def test_what_the_user_has_set_stays() -> None:
    found = fresh_process(ONEDNN_MAX_CPU_ISA="SSE41", OMP_WAIT_POLICY="passive")
    assert found == {"isa": "SSE41", "isa_of_others": "SSE41", "spins": None}


def test_a_process_that_one_of_ours_started_knows_whose_limit_it_is() -> None:
    """A benchmark or a search starts trainings, and a teacher in OpenVINO may need what the limit hides."""
    found = fresh_process(ONEDNN_MAX_CPU_ISA="AVX2", SHELFMIND_SET_ISA_LIMIT="1")
    assert (found["isa"], found["isa_of_others"]) == ("AVX2", None)


def test_an_interrupt_taken_behind_pythons_back_is_given_back() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        c_signal = ctypes.CDLL(None).signal
        c_signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
        c_signal(signal.SIGINT, 1)  # SIG_IGN, which Python does not learn of
        signal.raise_signal(signal.SIGINT)
        restore_interrupts()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_may_ask_for_it_in_vain() -> None:
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            restore_interrupts()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert errors == []


def test_ctrl_c_while_a_graph_runs_is_an_interrupt_and_the_signals_are_given_back() -> None:
    """MindSpore's handler, which Python does not learn of, sends SIGTERM."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt), interruptible():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupt_in_a_finaliser_is_not_lost(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python prints exceptions of finalisers, and goes on."""

    class Freed:
        def __del__(self) -> None:
            signal.raise_signal(number)

    dropped: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", dropped.append)
    before = signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), interruptible():
            Freed()
        assert len(dropped) == 1
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_ctrl_c_waits_for_an_import() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []

    def imported() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("all")

    try:
        with pytest.raises(KeyboardInterrupt), deferred_interrupts():
            imported()
        assert done == ["all"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_of_the_program_stays_in_charge() -> None:
    ended: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: ended.append(number))
    try:
        with interruptible():
            signal.raise_signal(signal.SIGTERM)
        assert ended == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_unknown_device_is_named(mindspore: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="the device must be one of CPU, GPU, Ascend, got 'TPU'"):
        start_mindspore("TPU")
    monkeypatch.setenv("SHELFMIND_DEVICE", "cpu")
    with pytest.raises(UserError, match="SHELFMIND_DEVICE must be one of CPU, GPU, Ascend, got 'cpu'"):
        start_mindspore()


def test_a_device_is_chosen_once(mindspore: Any) -> None:
    running = mindspore.get_context("device_target")
    assert start_mindspore() is start_mindspore(running) is mindspore
    other = "GPU" if running == "CPU" else "CPU"
    with pytest.raises(UserError, match=f"already running on {running} in this process; .* SHELFMIND_DEVICE={other} "):
        start_mindspore(other)
    assert mindspore.get_context("device_target") == running


@pytest.mark.skipif(os.path.exists(DEVICE_FILES["Ascend"]), reason="this machine has the device")
def test_a_device_that_is_not_there_is_named_and_another_can_be_taken() -> None:
    program = """
from shelfmind.errors import UserError
from shelfmind.machine.device import start_mindspore
try:
    start_mindspore("Ascend")
except UserError as error:
    print(error)
print(start_mindspore("CPU").get_context("device_target"))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    said, device = done.stdout.splitlines()
    assert re.match(r"MindSpore cannot use Ascend here: .*; set SHELFMIND_DEVICE to another device, or unset it", said)
    assert device == "CPU"

"""Sets MindSpore up: the device, graph mode, the speed switches that must come before or right after its import."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from functools import cache
from typing import Any

from shelfmind.data.examining import available_cores
from shelfmind.errors import UserError

DEVICES = ("CPU", "GPU", "Ascend")
_M_ARENA_MAX = -8
"""glibc's number of this parameter of mallopt."""


@cache
def start_mindspore(device: str | None = None) -> Any:
    """Import MindSpore ready for use on `device` (the best one there is if None) and return the module.

    oneDNN 3.10, which MindSpore 2.9 and 2.10 bundle, runs 3x3 convolutions in its reference implementation on
    AVX-512 machines, 100 times too slowly; limiting it to AVX2 before the import restores the speed. A value that the
    user has set stays.
    """
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    os.environ.setdefault("GLOG_v", "3")
    share_memory_arenas()
    _silence_exit_noise()
    take_endings()
    import mindspore

    target = device or os.environ.get("SHELFMIND_DEVICE") or _best_device(mindspore)
    if target not in DEVICES:
        raise UserError(f"unknown device '{target}'; known: {', '.join(DEVICES)}")
    mindspore.set_context(mode=mindspore.GRAPH_MODE)
    mindspore.set_device(target)
    if target == "CPU":
        wait_without_spinning()
    return mindspore


def share_memory_arenas() -> bool:
    """Let the C library's threads share a few memory arenas; False where that cannot be said or the user has said it.

    Each epoch's data pipeline has new threads, each of which glibc gives one of up to eight arenas a core; memory grows
    until all have been used. One arena for four cores keeps it at what the first epoch took.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, max(1, available_cores() // 4)))
    except (OSError, AttributeError, TypeError):
        return False


def wait_without_spinning() -> bool:
    """Make the Python thread sleep, not spin, while a graph runs; False where this MindSpore cannot.

    By default a graph runs behind a queue and the first read of its output spins a whole core until it is there, a
    core that the convolutions then lack: with two cores it costs a third of the training speed, with one core three
    quarters. Without the queue the call itself waits, asleep.
    """
    try:
        from mindspore.common.api import _pynative_executor

        _pynative_executor.disable_frontend_and_bprop_pipeline()
    except (ImportError, AttributeError):
        return False
    return True


def take_endings() -> None:
    """Take SIGTERM as Ctrl-C, unless the program has a handler of its own.

    While a graph compiles and runs, MindSpore answers Ctrl-C by a handler of its own that sends SIGTERM to the process;
    so most of the time Ctrl-C would end a training without a word. Python's handler of SIGTERM waits for the graph.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def keep_interrupts() -> None:
    """Give Ctrl-C back to Python after a graph or a data set, whose handler would else stay in place."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT) or signal.default_int_handler)


DEVICE_FILES = {"Ascend": "/dev/davinci_manager", "GPU": "/dev/nvidiactl"}


def _best_device(mindspore: Any) -> str:
    """The first device whose driver is there and whose MindSpore plugin loads; asking a plugin prints when it fails."""
    modules = {"Ascend": mindspore.device_context.ascend, "GPU": mindspore.device_context.gpu}
    for name, file in DEVICE_FILES.items():
        if os.path.exists(file) and modules[name].is_available():
            return name
    return "CPU"


def _silence_exit_noise() -> None:
    """MindSpore calls a deprecated thread method at exit; with warnings as errors that prints a traceback."""
    import warnings

    warnings.filterwarnings("ignore", message="getName", category=DeprecationWarning)
    if "mindspore" not in sys.modules:
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="mindspore")
        warnings.filterwarnings("ignore", category=UserWarning, module="mindspore")


def mixed_precision(model: Any, amp: str) -> Any:
    """`model` with convolutions and dense layers in float16 where `amp` is on, or auto on a GPU or Ascend.

    On CPUs 16-bit arithmetic only adds casts, so auto leaves it off there.
    """
    mindspore = start_mindspore()
    target = mindspore.get_context("device_target")
    if amp == "off" or (amp == "auto" and target == "CPU"):
        return model
    model = mindspore.amp.auto_mixed_precision(model, "auto", mindspore.float16)
    model.mixed_precision = True
    return model

"""Starts MindSpore: the device, graph mode, and performance settings that must precede or directly follow its
import."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from shelfmind.errors import UserError
from shelfmind.kernels.library import installed as kernels_installed
from shelfmind.machine.distributed import join
from shelfmind.machine.job import started_by_msrun
from shelfmind.machine.packages import require

DEVICES = ("CPU", "GPU", "Ascend")
ISA_LIMIT, OUR_LIMIT = "ONEDNN_MAX_CPU_ISA", "AVX2"
LIMITED_HERE = "SHELFMIND_SET_ISA_LIMIT"
"""Marks the limit as set by this module, not by the user, also for child processes."""
SPINS = "2000"
"""How often an oneDNN thread polls for work before it sleeps: with no polling it must be woken a thousand times per
training step; with long polling it keeps a core from MindSpore's threads between two operators."""
_started: tuple[str, Any] | None = None
"""The device that MindSpore runs on in this process, once it does, and the module."""


def start_mindspore(device: str | None = None) -> Any:
    """Import MindSpore, set it up for `device` and return the module; later calls return the same module.

    If None, the device is that of the environment variable ``SHELFMIND_DEVICE``, else the best available one.

    oneDNN 3.10, bundled with MindSpore 2.9 and 2.10, runs 3x3 convolutions in its reference implementation on AVX-512
    machines, 100 times too slowly; limiting it to AVX2 before the import restores the speed. A value set by the user is
    kept. Signals, memory arenas and warnings are not changed: see `shelfmind.cli.process`.

    Raises:
        UserError: MindSpore is not installed; the device is unknown, not available, or different from the one that
            MindSpore already runs on.
    """
    global _started
    wanted = _known(device, "the device") or _known(os.environ.get("SHELFMIND_DEVICE"), "SHELFMIND_DEVICE")
    if _started is not None:
        running, module = _started
        if device not in (None, running):
            raise UserError(
                f"MindSpore is already running on {running} in this process; "
                f"to use another device, set SHELFMIND_DEVICE={device} before it starts"
            )
        return module
    require("mindspore")
    if ISA_LIMIT not in os.environ:
        os.environ[ISA_LIMIT], os.environ[LIMITED_HERE] = OUR_LIMIT, "1"
    os.environ.setdefault("GLOG_v", "4")  # errors are raised, too; level 3 prints a trace at Ctrl-C
    if kernels_installed() and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # before the import starts oneDNN's threads
    with deferred_interrupts(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about MindSpore's own code, which callers cannot fix
        import mindspore

    target = wanted or _best_device(mindspore)
    mindspore.set_context(mode=mindspore.GRAPH_MODE)
    _use(mindspore, target)
    if target == "CPU":
        wait_without_spinning()
    if started_by_msrun():
        join()
    _started = target, mindspore
    return mindspore


@contextmanager
def all_instructions() -> Iterator[None]:
    """Let an oneDNN other than MindSpore's, which reads the limit at its start, use all instruction sets.

    With MindSpore's limit, OpenVINO is four times slower, does not compute in bf16, and its integers overflow.
    """
    if LIMITED_HERE not in os.environ or os.environ.get(ISA_LIMIT) != OUR_LIMIT:
        yield
        return
    del os.environ[ISA_LIMIT]
    try:
        yield
    finally:
        os.environ[ISA_LIMIT] = OUR_LIMIT


def _use(mindspore: Any, device: str) -> None:
    try:
        mindspore.set_device(device)
    except RuntimeError as error:  # no such device, no driver, or a wheel without its plugin
        reason = str(error).partition(" Please")[0].partition("\n")[0].rstrip(".")
        raise UserError(
            f"MindSpore cannot use {device} here: {reason}; set SHELFMIND_DEVICE to another device, or unset it"
        ) from error


def _known(device: str | None, where: str) -> str | None:
    if device and device not in DEVICES:
        raise UserError(f"{where} must be one of {', '.join(DEVICES)}, got '{device}'")
    return device or None


def wait_without_spinning() -> bool:
    """Make the Python thread sleep instead of spin while a graph runs; False if this MindSpore does not support it.

    By default, a graph runs behind a queue, and the first read of its output spins a whole core until it is available.
    The convolutions cannot use this core, which costs a third of the training speed with two cores and three quarters
    with one. Without the queue, the call itself sleeps until the graph has run.
    """
    try:
        from mindspore.common.api import _pynative_executor

        _pynative_executor.disable_frontend_and_bprop_pipeline()
    except (ImportError, AttributeError):
        return False
    return True


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Defer Ctrl-C, SIGTERM and SIGHUP until the end of this context.

    During the import of MindSpore's C++ modules they become an `ImportError`, or end Python with a fatal error. Only
    the main thread may set handlers; in other threads this has no effect.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    deferred = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
    before = {each: signal.signal(each, lambda number, _: came.append(number)) for each in deferred}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
        for number in came:  # the first that is not ignored
            signal.raise_signal(number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise `KeyboardInterrupt` in this context although MindSpore runs a graph in it.

    While a graph compiles and runs, MindSpore handles Ctrl-C with its own handler, which stays installed and sends
    SIGTERM to the process; unless the program handles SIGTERM, that ends it silently. Therefore SIGTERM also raises
    `KeyboardInterrupt` in this context, once the graph has ended; afterwards both signals have their previous handlers.
    If Python drops the exception, because it was raised in a finaliser, it is raised at the end of the context.
    Only the main thread may set handlers; in other threads this has no effect.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.default_int_handler(number, frame)

    usual = {signal.SIGINT: (signal.default_int_handler,), signal.SIGTERM: (signal.default_int_handler, signal.SIG_DFL)}
    taken = {number: found for number, each in usual.items() if (found := signal.getsignal(number)) in each}
    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        try:
            restore_interrupts()
        finally:
            for number, handler in taken.items():
                signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


def restore_interrupts() -> None:
    """Restore Python's Ctrl-C handling after a graph or a data set, whose handler would otherwise stay installed."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT) or signal.default_int_handler)


DEVICE_FILES = {"Ascend": "/dev/davinci_manager", "GPU": "/dev/nvidiactl"}


def likely_device() -> str:
    """The device that `start_mindspore` will probably use, determined without MindSpore: that of ``SHELFMIND_DEVICE``,
    else the best one with a driver. Raises `UserError` for an unknown name."""
    named = _known(os.environ.get("SHELFMIND_DEVICE"), "SHELFMIND_DEVICE")
    return named or next((name for name, file in DEVICE_FILES.items() if os.path.exists(file)), "CPU")


def number_of_devices(device: str) -> int:
    """The number of GPUs or Ascend processors of this machine, determined without MindSpore."""
    pattern = {"Ascend": "davinci[0-9]*", "GPU": "nvidia[0-9]*"}[device]
    return len(list(Path("/dev").glob(pattern)))


def _best_device(mindspore: Any) -> str:
    """The first device with a driver and a working MindSpore plugin; a failing plugin prints messages."""
    modules = {"Ascend": mindspore.device_context.ascend, "GPU": mindspore.device_context.gpu}
    for name, file in DEVICE_FILES.items():
        if os.path.exists(file) and modules[name].is_available():
            return name
    return "CPU"


def mixed_precision(model: Any) -> Any:
    """`model` with convolutions and dense layers in float16. On CPUs this only adds casts."""
    mindspore = start_mindspore()
    model = mindspore.amp.auto_mixed_precision(model, "auto", mindspore.float16)
    model.mixed_precision = True
    return model

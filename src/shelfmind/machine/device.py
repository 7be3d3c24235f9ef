"""Sets MindSpore up: the device, graph mode, the speed switches that must come before or right after its import."""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shelfmind.errors import UserError
from shelfmind.kernels.library import installed as kernels_installed
from shelfmind.machine.packages import require

DEVICES = ("CPU", "GPU", "Ascend")
ISA_LIMIT, OUR_LIMIT = "ONEDNN_MAX_CPU_ISA", "AVX2"
LIMITED_HERE = "SHELFMIND_SET_ISA_LIMIT"
"""Says that the limit is this module's, not the user's, to the processes that this one starts, too."""
SPINS = "2000"
"""How often a thread of oneDNN's looks for work before it sleeps: asleep at once, it must be woken a thousand times a
training step; awake for long, it would keep a core from MindSpore's threads between two operators."""
_started: tuple[str, Any] | None = None
"""The device that MindSpore runs on in this process, once it does, and the module."""


def start_mindspore(device: str | None = None) -> Any:
    """Import MindSpore ready for use on `device` and return the module; later calls return it as it is.

    If None, the device is the one that the variable ``SHELFMIND_DEVICE`` names, else the best one there is.

    oneDNN 3.10, which MindSpore 2.9 and 2.10 bundle, runs 3x3 convolutions in its reference implementation on
    AVX-512 machines, 100 times too slowly; limiting it to AVX2 before the import restores the speed. A value that the
    user has set stays. Signals, memory arenas and warnings are left alone: see `shelfmind.cli.process`.

    Raises:
        UserError: MindSpore is not installed; an unknown device, one that this machine lacks, or another one than
            MindSpore runs on already.
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
    os.environ.setdefault("GLOG_v", "3")
    if kernels_installed() and "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # before oneDNN's threads come with the import
    with interrupted_afterwards(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own code, which is not the caller's to mend
        import mindspore

    target = wanted or _best_device(mindspore)
    mindspore.set_context(mode=mindspore.GRAPH_MODE)
    _use(mindspore, target)
    if target == "CPU":
        wait_without_spinning()
    _started = target, mindspore
    return mindspore


@contextmanager
def all_instructions() -> Iterator[None]:
    """Let another oneDNN than MindSpore's, which reads the limit as it starts, use what the processor has.

    OpenVINO with MindSpore's limit is four times slower, computes no bf16, and its integers overflow.
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


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
    """Ctrl-C and SIGTERM wait until the end of this context.

    Within the import of MindSpore's C++ modules they become an `ImportError`, or end Python by a fatal error.
    Other threads than the main one may not set handlers, so there nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {
        each: signal.signal(each, lambda number, _: came.append(number)) for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C raises `KeyboardInterrupt` within this context although MindSpore runs a graph in it.

    While a graph compiles and runs, MindSpore answers Ctrl-C by a handler of its own, which stays in place and sends
    SIGTERM to the process; unless the program handles SIGTERM, that ends it without a word. So meanwhile SIGTERM raises
    `KeyboardInterrupt` too, once the graph has ended, and afterwards both signals do again what the program has said.
    Other threads than the main one may not set handlers, so there nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if taken:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        try:
            restore_interrupts()
        finally:
            if taken:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)


def restore_interrupts() -> None:
    """Give Ctrl-C back to Python after a graph or a data set, whose handler would else stay in place."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT) or signal.default_int_handler)


DEVICE_FILES = {"Ascend": "/dev/davinci_manager", "GPU": "/dev/nvidiactl"}


def likely_device() -> str:
    """The device that `start_mindspore` will probably take, told without MindSpore: the one that ``SHELFMIND_DEVICE``
    names, else the best whose driver is there. Raises `UserError` for an unknown name."""
    named = _known(os.environ.get("SHELFMIND_DEVICE"), "SHELFMIND_DEVICE")
    return named or next((name for name, file in DEVICE_FILES.items() if os.path.exists(file)), "CPU")


def _best_device(mindspore: Any) -> str:
    """The first device whose driver is there and whose MindSpore plugin loads; asking a plugin prints when it fails."""
    modules = {"Ascend": mindspore.device_context.ascend, "GPU": mindspore.device_context.gpu}
    for name, file in DEVICE_FILES.items():
        if os.path.exists(file) and modules[name].is_available():
            return name
    return "CPU"


def mixed_precision(model: Any) -> Any:
    """`model` with convolutions and dense layers in float16. On CPUs that only adds casts."""
    mindspore = start_mindspore()
    model = mindspore.amp.auto_mixed_precision(model, "auto", mindspore.float16)
    model.mixed_precision = True
    return model

"""Process-wide settings of the command, which a library must not change: output, signals, memory, warnings."""

from __future__ import annotations

import ctypes
import io
import logging
import os
import signal
import sys
import threading
import warnings
from typing import Any

from shelfmind.errors import UserError
from shelfmind.machine.cores import available_cores
from shelfmind.machine.job import share_cores
from shelfmind.machine.open_files import allow_many_files

_M_ARENA_MAX = -8
"""M_ARENA_MAX of mallopt in glibc."""


def prepare_process() -> None:
    """Configure the process, before a verb runs and MindSpore is imported."""
    share_cores()
    escape_unprintable()
    treat_signals_as_ctrl_c()
    share_memory_arenas()
    allow_many_files()
    silence_mindspore()
    word_log_as_typed()


def escape_unprintable() -> None:
    """Print characters that the terminal's encoding lacks, and bytes of file names that are not UTF-8, as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def treat_signals_as_ctrl_c() -> None:
    """Treat SIGTERM and SIGHUP like Ctrl-C, unless the program handles or ignores them, as under `nohup`.

    While a graph compiles and runs, MindSpore's own handler answers Ctrl-C by sending SIGTERM to the process, so
    Ctrl-C would usually end a training run silently. Python's SIGTERM handler waits for the graph. SIGHUP comes when
    the terminal is gone.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def share_memory_arenas() -> bool:
    """Let threads share a few malloc arenas; False if that is unsupported or set by the user.

    Each epoch's data pipeline starts new threads, and glibc assigns each one of up to eight arenas per core; memory
    grows until all are used. One arena per four cores keeps it at the level of the first epoch.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, max(1, available_cores() // 4)))
    except (OSError, AttributeError, TypeError):
        return False


def silence_mindspore() -> None:
    """Ignore MindSpore's warnings about its own code and the deprecated thread method that it calls at exit.

    With warnings as errors the latter would print a traceback.
    """
    warnings.filterwarnings("ignore", message="getName", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="mindspore")
    warnings.filterwarnings("ignore", category=UserWarning, module="mindspore")


def word_log_as_typed() -> None:
    """Word errors in logs for the command line, like errors that end the command."""
    make = logging.getLogRecordFactory()

    def made(*given: Any, **named: Any) -> logging.LogRecord:
        record = make(*given, **named)
        if isinstance(record.args, tuple) and any(isinstance(each, UserError) for each in record.args):
            from shelfmind.cli.wording import as_typed

            record.args = tuple(as_typed(each.message) if isinstance(each, UserError) else each for each in record.args)
        return record

    logging.setLogRecordFactory(made)

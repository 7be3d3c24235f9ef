"""What the command does to its own process, and a library must not do to its caller's: signals, memory, warnings."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import threading
import warnings
from typing import Any

from shelfmind.errors import UserError
from shelfmind.machine.cores import available_cores

_M_ARENA_MAX = -8
"""glibc's number of this parameter of mallopt."""


def prepare_process() -> None:
    """Make the process the command's own: before a verb, and before MindSpore is imported."""
    treat_sigterm_as_ctrl_c()
    share_memory_arenas()
    quieten_mindspore()
    word_log_as_typed()


def treat_sigterm_as_ctrl_c() -> None:
    """Take SIGTERM as Ctrl-C, unless the program has a handler of its own.

    While a graph compiles and runs, MindSpore answers Ctrl-C by a handler of its own that sends SIGTERM to the process;
    so most of the time Ctrl-C would end a training without a word. Python's handler of SIGTERM waits for the graph.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


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


def quieten_mindspore() -> None:
    """Ignore MindSpore's warnings of its own code, and of the deprecated thread method that it calls at exit.

    With warnings as errors the latter prints a traceback.
    """
    warnings.filterwarnings("ignore", message="getName", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="mindspore")
    warnings.filterwarnings("ignore", category=UserWarning, module="mindspore")


def word_log_as_typed() -> None:
    """Let errors in a log name commands, as those that end the command do."""
    make = logging.getLogRecordFactory()

    def made(*given: Any, **named: Any) -> logging.LogRecord:
        record = make(*given, **named)
        if isinstance(record.args, tuple) and any(isinstance(each, UserError) for each in record.args):
            from shelfmind.cli.wording import as_typed

            record.args = tuple(as_typed(each.message) if isinstance(each, UserError) else each for each in record.args)
        return record

    logging.setLogRecordFactory(made)

"""Worker processes on one socket: forked before anything is loaded, restarted if they die, stopped together."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from shelfmind.errors import UserError
from shelfmind.serving.server import STOPPING_S

READY = b"ready"
EARLY_EXIT_S, MAX_EARLY_EXITS = 10.0, 5
PATIENCE_S = STOPPING_S + 10.0
_TICK_S = 0.2

Work = Callable[[int, Callable[[], None]], None]
"""The function that a process runs. It gets the pipe to its parent and a callback for when it is ready."""


class Workers:
    """The worker processes of a service, managed by the process that started them."""

    def __init__(self, count: int, work: Work, on_ready: Callable[[], None], on_exit: Callable[[int], None]) -> None:
        self.count, self.work, self.on_ready, self.on_exit = count, work, on_ready, on_exit
        self._life = os.pipe()
        self._started: dict[int, float] = {}
        self._stopping = 0
        self._early_exits = 0

    def run(self) -> None:
        """Start the processes and return when all have ended.

        Raises:
            UserError: the first process could not start, or processes keep dying.
        """
        handled = {signal.SIGTERM: self._stop, signal.SIGINT: self._stop, signal.SIGHUP: self._pass_on}
        before = {number: signal.signal(number, act) for number, act in handled.items()}
        try:
            self._start_first()
            self.on_ready()
            self._watch()
        finally:
            self._end_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start_first(self) -> None:
        """Start them one after the other, so that errors are reported once."""
        for _ in range(self.count):
            if self._stopping:
                return
            readable_end = self._start()
            with open(readable_end, "rb") as stream:
                answer = stream.read()
            if answer != READY and not self._stopping:
                raise UserError(answer.decode("utf-8", "replace") or "a process of the service could not start")

    def _start(self) -> int:
        """Start a process. Returns the pipe on which it reports that it is ready, or why it failed."""
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(reading)
            self._run_worker(writing)
        os.close(writing)
        self._started[process] = time.monotonic()
        return reading

    def _run_worker(self, writing: int) -> None:
        os.close(self._life[1])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        status = 1

        def ready() -> None:
            with suppress(BrokenPipeError):  # only the first ones are awaited
                os.write(writing, READY)
            os.close(writing)

        try:
            self.work(self._life[0], ready)
            status = 0
        except UserError as error:
            with suppress(OSError):
                os.write(writing, error.message.encode("utf-8", "replace"))
        except KeyboardInterrupt:
            status = 130
        except BaseException as error:
            with suppress(OSError):
                os.write(writing, f"a process of the service could not start: {error!r}".encode())
        finally:
            os._exit(status)

    def _watch(self) -> None:
        while self._started:
            self._reap()
            if not self._stopping:
                missing = self.count - len(self._started)
                for _ in range(missing):
                    os.close(self._start())
            time.sleep(_TICK_S)

    def _reap(self) -> None:
        for process, since in list(self._started.items()):
            ended, _ = os.waitpid(process, os.WNOHANG)
            if not ended:
                continue
            del self._started[process]
            self.on_exit(process)
            if self._stopping:
                continue
            quick = time.monotonic() - since < EARLY_EXIT_S
            self._early_exits = self._early_exits + 1 if quick else 0
            if self._early_exits >= MAX_EARLY_EXITS:
                raise UserError("the processes of the service keep dying; see the log for the reason")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping += 1
        self._signal_all(signal.SIGTERM)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._signal_all(number)

    def _signal_all(self, number: int) -> None:
        for process in list(self._started):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _end_all(self) -> None:
        """Kill all remaining processes."""
        self._stopping += 1
        os.close(self._life[1])
        self._signal_all(signal.SIGTERM)
        until = time.monotonic() + PATIENCE_S
        while self._started and time.monotonic() < until:
            self._reap()
            time.sleep(0.02)
        self._signal_all(signal.SIGKILL)
        for process in list(self._started):
            os.waitpid(process, 0)
        os.close(self._life[0])

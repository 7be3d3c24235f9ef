"""Renders photos in worker processes, in order and in constant memory, with immediate cancellation."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from multiprocessing.synchronize import Event
from pathlib import Path
from types import ModuleType

from shelfmind.errors import UserError
from shelfmind.shelf_generator.settings import Settings
from shelfmind.shelf_generator.studio import Studio

Rows = list[tuple[object, ...]]
CHUNK = 32
"""Photos per task. They are mostly of one class, so that its package is rendered once."""
PHOTOS_PER_PROCESS = 100
"""Number of photos that take about as long as starting a process."""


def render_photos(root: Path, settings: Settings, photos: int, workers: int) -> Generator[Rows, None, None]:
    """Write the photos numbered 0 to `photos` - 1 below `root`, whose folders exist; yields their rows in order."""
    chunks = [range(start, min(start + CHUNK, photos)) for start in range(0, photos, CHUNK)]
    workers = min(workers, max(1, photos // PHOTOS_PER_PROCESS), len(chunks))
    if workers == 1:
        studio = Studio(settings)
        for chunk in chunks:
            yield [_photo(studio, root, number) for number in chunk]
        return
    yield from _by_processes(root, settings, chunks, workers)


def _by_processes(root: Path, settings: Settings, chunks: list[range], workers: int) -> Iterator[Rows]:
    context = get_context("spawn")  # fork would copy locks held by MindSpore's threads
    stopping = context.Event()
    pool = ProcessPoolExecutor(workers, context, _initialise, (str(root), settings, stopping))
    waiting: deque[Future[Rows]] = deque()
    try:
        for chunk in chunks:
            with _interrupts_blocked(), _no_main_module():  # the processes start here
                waiting.append(pool.submit(_render_chunk, chunk))
            if len(waiting) > 3 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process died, possibly out of memory; use fewer workers, such as workers=1"
        ) from error
    finally:
        stopping.set()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C; processes started in the meantime never receive it, so that this process alone ends the work."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Hide the running script from new processes: they do not need it, and would execute it again."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


class _WorkerState:
    """The state of a worker process between tasks."""

    root: Path
    studio: Studio
    stopping: Event


def _initialise(root: str, settings: Settings, stopping: Event) -> None:
    """Initialise a worker process; it ends when its parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _WorkerState.root, _WorkerState.studio, _WorkerState.stopping = Path(root), Studio(settings), stopping


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _render_chunk(chunk: range) -> Rows:
    rows: Rows = []
    for number in chunk:
        if _WorkerState.stopping.is_set():
            break
        rows.append(_photo(_WorkerState.studio, _WorkerState.root, number))
    return rows


def _photo(studio: Studio, root: Path, number: int) -> tuple[object, ...]:
    jpeg, row = studio.photo(number)
    with open(root / studio.path(number), "wb") as stream:
        stream.write(jpeg)
    return row

"""Decodes every file once, in parallel, and says which ones cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from shelfmind.data.images import BadImage, open_image
from shelfmind.data.tables import write_table
from shelfmind.data.verdicts import Verdict, VerdictStore
from shelfmind.errors import UserError
from shelfmind.records import BadFile

OnImage = Callable[[int, Image.Image], None]

_FILES_A_TASK = 16
_TASKS_A_BATCH = 64


@dataclass(frozen=True, slots=True)
class _Checked:
    """One file's outcome: `fresh` is what the store does not know yet."""

    path: Path
    reason: str | None
    fresh: Verdict | None


def check_files(
    paths: Sequence[Path],
    *,
    cache: Path | None,
    progress: Callable[[int], None] | None = None,
    on_image: OnImage | None = None,
    workers: int | None = None,
) -> list[BadFile]:
    """Decode every file fully, in threads, and return the bad ones in the order given.

    Verdicts are kept in a sqlite database at `cache` by absolute path, size and time: an unchanged file is not read
    again, unless `on_image` wants its pixels. `on_image(index, image)` is called from the worker threads with upright
    RGB; `progress(n)` from the calling thread with the number of files newly done. A cache that is damaged or locked
    never stops the work.
    """
    bad: list[BadFile] = []
    batch_size = _FILES_A_TASK * _TASKS_A_BATCH
    workers = workers or available_cores()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="check")
    try:
        with VerdictStore(cache) as store:
            for batch_start in range(0, len(paths), batch_size):  # a batch at a time bounds the memory
                batch = paths[batch_start : batch_start + batch_size]
                known = store.recall([_key(path) for path in batch])
                starts = range(0, len(batch), _FILES_A_TASK)
                tasks = [batch[start : start + _FILES_A_TASK] for start in starts]
                firsts = [batch_start + start for start in starts]
                fresh: list[tuple[bytes, Verdict]] = []
                for outcomes in pool.map(partial(_check, known, on_image), firsts, tasks):
                    bad.extend(BadFile(done.path, done.reason) for done in outcomes if done.reason is not None)
                    fresh.extend((_key(done.path), done.fresh) for done in outcomes if done.fresh is not None)
                    if progress is not None:
                        progress(len(outcomes))
                store.keep(fresh)
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C does not wait for the rest of the batch
    return bad


def refuse_too_many_bad(bad: Sequence[BadFile], total: int, max_fraction: float, list_path: Path) -> None:
    """Write the bad files and their reasons to `list_path` (CSV: path, reason), always, also when there are none.

    Raises `UserError` if they are more than `max_fraction` of `total`; exactly that many are allowed.
    """
    write_table(list_path, ("path", "reason"), ((str(file.path), file.reason) for file in bad))
    # The quotient, not the product: 29 / 100 > 0.29 is false, while 29 > 0.29 * 100 is true.
    if not bad or len(bad) / total <= max_fraction:
        return
    examples = "; ".join(f"{file.path} ({file.reason})" for file in bad[:3])
    raise UserError(
        f"{len(bad)} of {total} images cannot be used ({len(bad) / total:.1%}, the limit is {max_fraction:.1%}): "
        f"{examples}{'; ...' if len(bad) > 3 else ''}. All are listed in {list_path}: mend or remove them, "
        "or allow more with --max-bad-fraction"
    )


def available_cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _key(path: Path) -> bytes:
    return os.fsencode(os.path.abspath(path))


def _check(known: dict[bytes, Verdict], on_image: OnImage | None, first: int, paths: Sequence[Path]) -> list[_Checked]:
    return [_check_one(known, on_image, first + offset, path) for offset, path in enumerate(paths)]


def _check_one(known: dict[bytes, Verdict], on_image: OnImage | None, index: int, path: Path) -> _Checked:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        status = None  # open_image says why
    verdict = known.get(_key(path))
    if verdict is not None and status is not None:
        unchanged = (verdict.size, verdict.mtime_ns) == (status.st_size, status.st_mtime_ns)
        if unchanged and (on_image is None or verdict.reason is not None):
            return _Checked(path, verdict.reason, None)
    reason: str | None = None
    lasting = True
    try:
        image = open_image(path)
    except BadImage as error:
        reason, lasting = error.reason, error.lasting
    else:
        if on_image is not None:
            on_image(index, image)
    if status is None:
        return _Checked(path, reason, None)
    return _Checked(path, reason, Verdict(status.st_size, status.st_mtime_ns, reason) if lasting else None)

"""Delete files that a gallery no longer needs, while other processes may be about to need them again.

A writer stores its photos and vectors, then its change, and then checks that they still exist. A sweeper deletes, then
reads the log, and restores files that newer changes refer to. The second of the two always sees the first, so both may
run concurrently. Files that no change refers to are kept for a day, as their writer may still be running.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from shelfmind.batching import batched
from shelfmind.gallery.changes import BASES, CHANGES, PHOTOS, VECTORS
from shelfmind.gallery.storage import Files

SAFE_AGE = 24 * 3600
"""Age in seconds after which an unreferenced file counts as abandoned."""
_AT_ONCE = 64
"""Number of files whose content is kept until it is certain that they are no longer needed."""


def abandoned(files: Files, named: Collection[str]) -> list[str]:
    """Return old files of photos and vectors that are not in `named`, and temporary files of killed processes."""
    old = [name for folder in (PHOTOS, VECTORS) for name in files.old(folder, SAFE_AGE) if name not in named]
    log = [name for folder in (CHANGES, BASES) for name in files.old(folder, SAFE_AGE)]
    return [*old, *(name for name in log if name.rpartition("/")[2].startswith("."))]


def sweep(files: Files, names: Iterable[str], needed: Callable[[], Collection[str]]) -> int:
    """Delete files. `needed` reads the log again for those to keep. Returns the number of deleted files."""
    gone = 0
    for some in batched(names, _AT_ONCE):
        held = {name: content for name in some if (content := _content(files, name)) is not None}
        for name in held:
            files.delete(name)
        back = [name for name in needed() if name in held]
        for name in back:
            files.create(name, held[name])
        gone += len(held) - len(back)
    return gone


def _content(files: Files, name: str) -> bytes | None:
    try:
        return files.read(name)
    except FileNotFoundError:  # another sweeper was faster
        return None

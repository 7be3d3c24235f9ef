"""Deletes what a gallery needs no more, beside others who may be about to need it again.

A writer puts its photos and vectors, then its change, and then looks whether they are still there; a sweeper deletes,
then reads the log, and puts back what newer changes name. Whichever comes second sees the other, so both may run at
once. What no change ever named is younger than a day while its writer may still live; older, a killed one left it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from shelfmind.batching import batched
from shelfmind.gallery.changes import PHOTOS, VECTORS
from shelfmind.gallery.storage import Files

SAFE_AGE = 24 * 3600
"""Seconds after which a file that nothing names is nobody's."""
_AT_ONCE = 64
"""Files whose content is held until it is certain that they are needed no more."""


def abandoned(files: Files, named: Collection[str]) -> list[str]:
    """Old files of photos and vectors that are none of these, and what killed processes had only begun to write."""
    return [name for folder in (PHOTOS, VECTORS) for name in files.old(folder, SAFE_AGE) if name not in named]


def sweep(files: Files, names: Iterable[str], needed: Callable[[], Collection[str]]) -> int:
    """Delete files; `needed` reads the log anew for those that must stay. Returns how many went."""
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
    except FileNotFoundError:  # another sweeper was quicker
        return None

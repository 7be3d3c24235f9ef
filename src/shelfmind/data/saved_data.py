"""Tells the data files that Hugging Face `datasets` saved from the results that it keeps next to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from shelfmind.data.splits import relative_name
from shelfmind.errors import UserError
from shelfmind.images.archives import ROW_SUFFIXES
from shelfmind.images.photo_files import read_file
from shelfmind.images.verified_files import require_intact
from shelfmind.nouns import counted, shortened
from shelfmind.structured_text import parse_json
from shelfmind.urls import shown_url

_STATE = "state.json"
"""Written by ``save_to_disk``; names the data files next to it."""
_CACHE = re.compile(r"(?:cache-|tmp).*\.arrow", re.DOTALL)
"""Results such as those of ``map``: they would repeat the photos."""


def kept_results(shards: Iterable[Path], files: Iterable[Path]) -> list[Path]:
    """The Parquet and Arrow files among `shards` that are no data: caches, and files that ``state.json`` in the same
    folder does not name. `files` are all files of the data set.

    Raises `UserError` if a file that it names is missing, or if it differs from its checksum.
    """
    rows = [path for path in shards if path.suffix.lower() in ROW_SUFFIXES]
    present = frozenset(files)
    named = {folder: _named_files(folder / _STATE, present) for folder in {path.parent for path in rows}}
    return [path for path in rows if _is_result(path.name, named[path.parent])]


def note_results(skipped: Sequence[Path], root: Path) -> list[str]:
    """A note on files of `kept_results` that were skipped; empty if there are none."""
    if not skipped:
        return []
    what = counted(len(skipped), "file was skipped, a cache", "files were skipped, caches")
    names = shortened((relative_name(path, root) for path in skipped), 3)
    return [f"{what} of datasets or not named by {_STATE}: {names}"]


def _is_result(name: str, named: frozenset[str]) -> bool:
    return name not in named if named else _CACHE.fullmatch(name) is not None


def _named_files(state: Path, present: frozenset[Path]) -> frozenset[str]:
    """The data files that the state of a saved data set names; empty if it is something else."""
    if state not in present:
        return frozenset()
    require_intact([state])
    try:
        named = frozenset(Path(each["filename"]).name for each in parse_json(read_file(state))["_data_files"])
    except (OSError, ValueError, TypeError, KeyError):
        return frozenset()
    missing = sorted(name for name in named if state.parent / name not in present)
    if missing:
        raise UserError(
            f"{shown_url(state)} names files that are missing: {shortened(missing)}; copy the data set again"
        )
    return named

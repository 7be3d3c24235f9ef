"""Decodes every file once, in parallel, and reports unusable files."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from shelfmind.errors import UserError, argument
from shelfmind.files import cache_folder
from shelfmind.images.decoding import BadImage, open_image
from shelfmind.images.examining import examine_files
from shelfmind.images.file_cache import FileCache
from shelfmind.nouns import counted
from shelfmind.records import BadFile
from shelfmind.tables import write_table

LAYOUT = 2
"""Layout of the cache; increase it when more files become readable, so that bad files are checked again."""

OnImage = Callable[[int, Image.Image], None]


def check_files(
    paths: Sequence[Path],
    *,
    cache: Path | None,
    progress: Callable[[int], None] | None = None,
    on_image: OnImage | None = None,
    on_decoded: OnImage | None = None,
    workers: int | None = None,
) -> list[BadFile]:
    """Decode every file fully, in threads, and return the bad ones in the given order.

    Results are cached in an SQLite database at `cache` by absolute path, size and modification time: an unchanged file
    is not read again unless `on_image` needs its pixels. `on_image(index, image)` is called from worker threads with
    upright RGB images, as is `on_decoded` for files that are decoded anyway; `progress(n)` is called from the calling
    thread with the number of newly checked files. A damaged or locked cache is not an error.
    """

    def verdict(index: int, path: Path) -> tuple[bytes | None, bool]:
        try:
            image = open_image(path)
        except BadImage as error:
            return error.reason.encode(), error.permanent
        if on_image is not None:
            on_image(index, image)
        if on_decoded is not None:
            on_decoded(index, image)
        return None, True

    def reuse(reason: bytes | None) -> bool:
        return on_image is None or reason is not None

    with FileCache(cache, LAYOUT) as file_cache:
        examined = examine_files(paths, verdict, file_cache=file_cache, reuse=reuse, progress=progress, workers=workers)
        return [BadFile(each.path, each.content.decode()) for each in examined if each.content is not None]


def verdicts_path() -> Path:
    """The file of cached check results."""
    return cache_folder() / "verdicts.sqlite"


def note_bad_files(bad: Sequence[BadFile], total: int, list_path: Path | None = None) -> list[str]:
    """A note on the bad files among `total`: counts by reason, and where they are listed; empty if there are none."""
    if not bad:
        return []
    reasons = Tally(file.reason for file in bad).most_common()
    why = ", ".join(f"{reason} ({count})" for reason, count in reasons)
    where = "" if list_path is None else f"; all are listed in {list_path}"
    return [f"{len(bad):,} of {counted(total, 'file')} cannot be used: {why}; for example {bad[0].name}{where}"]


def reject_too_many_bad(bad: Sequence[BadFile], total: int, max_fraction: float, list_path: Path) -> None:
    """Write the bad files and their reasons to `list_path` (CSV: path, reason), even if there are none.

    Raises `UserError` if they exceed the fraction `max_fraction` of `total`; exactly that fraction is allowed.
    """
    write_table(list_path, ("path", "reason"), ((file.name, file.reason) for file in bad))
    # Compare quotients, not products: 29 / 100 > 0.29 is false, but 29 > 0.29 * 100 is true.
    if not bad or len(bad) / total <= max_fraction:
        return
    examples = "; ".join(f"{file.name} ({file.reason})" for file in bad[:3])
    raise UserError(
        f"{len(bad):,} of {counted(total, 'image')} cannot be used, "
        f"more than the limit of {100 * max_fraction:g}%: {examples}{'; ...' if len(bad) > 3 else ''}. "
        f"All are listed in {list_path}: fix or remove them, or allow more with {argument('max_bad_fraction')}"
    )

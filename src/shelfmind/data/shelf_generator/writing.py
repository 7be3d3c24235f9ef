"""Write a generated data set: drawn by all cores, whole or not at all, with the truth beside it."""

from __future__ import annotations

import csv
import errno
import os
import secrets
import shutil
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import PIL

from shelfmind.data.shelf_generator.drawing import drawn
from shelfmind.data.shelf_generator.fonts import Fonts, find_fonts
from shelfmind.data.shelf_generator.plan import Plan, make_plan
from shelfmind.data.shelf_generator.settings import Settings, make_settings
from shelfmind.data.shelf_generator.studio import COLUMNS
from shelfmind.errors import UserError
from shelfmind.files import sync_folder, write_json
from shelfmind.progress import Counter, count_silently

TRUTH, RECORD = "truth.csv", "generation.json"


def generate(
    out: Path | str,
    settings: Settings | None = None,
    *,
    workers: int | None = None,
    counter: Counter = count_silently,
    **values: Any,
) -> Path:
    """Draw photos of made-up products into ``out/all/{train,test}/<class>/<nnnnn>.jpg``, as RP2K has them.

    `values` are settings by name, such as ``classes=50, images=2000, label_errors=0.05``; see `Settings`, or pass one.
    The same settings, fonts and Pillow give the same bytes whatever the number of `workers` (one a core if not given).
    Beside the photos lie ``generation.json`` (settings, fonts, counts) and ``truth.csv``, a line a photo:

    - ``path``; ``split``; ``given``, the class it is filed under; ``true``, the class it shows, empty for an object
      that is no product; ``error``: random, sibling, foreign, or empty where it is filed right;
    - ``product``, what it shows (which one, for "others"); ``package``, its kind or the kind of foreign object;
      ``brand``; ``family``, a number that siblings share; ``variant``, what sets it apart from its family's first:
      flavour, wording, strength, size; ``duplicate_of``, the photo that it is a near-copy of;
    - ``width``, ``height`` and the factors of `Shot`.

    `out` must be missing or empty and appears only when all is written. Returns its absolute path.

    Raises:
        UserError: a setting out of range, a font that is missing, an `out` that is not empty or cannot be written.
    """
    if settings is None or values:
        settings = make_settings({**(settings.model_dump() if settings else {}), **values})
    out = Path(os.path.abspath(os.path.expanduser(out)))
    fonts = find_fonts(settings.fonts)
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UserError(f"{out} is not an empty folder; choose another, or empty it first")
        plan = make_plan(settings)
        partial = out.with_name(f".{out.name}.partial-{secrets.token_hex(4)}")
        partial.mkdir(parents=True)
        try:
            _fill(partial, settings, plan, workers or os.cpu_count() or 1, counter)
            write_json(partial / RECORD, _record(settings, plan, fonts))
            if out.exists():
                out.rmdir()
            partial.rename(out)
            sync_folder(out.parent)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "no space left; free some, or ask for fewer images" if full else error.strerror or error
        raise UserError(f"cannot write {out}: {reason}") from error
    return out


def _fill(root: Path, settings: Settings, plan: Plan, workers: int, counter: Counter) -> None:
    """The photos and their truth."""
    for split in sorted(set(plan.split.tolist())):
        for place in sorted(set(plan.given[plan.split == split].tolist())):
            below = root / "all" if settings.layout == "rp2k" else root
            (below / split / plan.classes[place]).mkdir(parents=True)
    progress = counter("drawing photos", plan.photos)
    with open(root / TRUTH, "w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(COLUMNS)
        for rows in drawn(root, settings, plan.photos, workers):
            table.writerows(rows)
            progress(len(rows))
        stream.flush()
        os.fsync(stream.fileno())


def _record(settings: Settings, plan: Plan, fonts: Fonts) -> dict[str, Any]:
    """What the data set was made of, for `generation.json`."""
    wrong = int((plan.error >= 0).sum())
    return {
        "settings": settings.model_dump(mode="json"),
        "fonts": {"latin": _described(fonts.latin), "chinese": _described(fonts.cjk) or "drawn strokes"},
        "pillow": PIL.__version__,
        "counts": {
            "photos": plan.photos,
            "classes": len(plan.classes),
            "families": len({design.line for design in plan.products}),
            "label_errors": wrong,
            "duplicates": int((plan.source != range(plan.photos)).sum()),
        },
    }


def _described(paths: Iterable[Path]) -> list[dict[str, str]]:
    """Font files with their hashes: another version draws other letters."""
    return [{"file": str(path), "sha256": sha256(path.read_bytes()).hexdigest()} for path in paths]

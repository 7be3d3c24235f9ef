"""Writes a synthetic data set on all cores, atomically, with its ground truth."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import PIL

from shelfmind.files import atomic_folder, write_json
from shelfmind.machine.checksums import file_sha256
from shelfmind.machine.cores import available_cores
from shelfmind.progress import Counter
from shelfmind.requests.calling import takes
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.shelf_generator.fonts import Fonts, find_fonts
from shelfmind.shelf_generator.plan import DataSetPlan, make_plan
from shelfmind.shelf_generator.rendering import render_photos
from shelfmind.shelf_generator.settings import GenerateRequest, Settings
from shelfmind.shelf_generator.studio import COLUMNS

TRUTH, RECORD = "truth.csv", "generation.json"


@takes(GenerateRequest)
def generate(request: GenerateRequest, watcher: Observer = SILENT) -> Path:
    """Generate photos of synthetic products in ``out/all/{train,test}/<class>/<nnnnn>.jpg``, RP2K's layout.

    The same settings, fonts and Pillow version give the same bytes, whatever the number of `workers`.
    Next to the photos are ``generation.json`` (settings, fonts, counts) and ``truth.csv``, one line per photo:

    - ``path``; ``split``; ``given``, the class it is filed under; ``true``, the class it shows, empty for an object
    that is not a product; ``error``: random, sibling, foreign, or empty for a correct label;
    - ``product``, the product shown (also for "others"); ``package``, its type or the kind of foreign object;
    ``brand``; ``family``, a number that siblings share; ``variant``, the difference from the first of its family:
    flavour, wording, strength, size; ``duplicate_of``, the photo that it is a near-duplicate of;
    - ``width``, ``height`` and the factors of `Shot`.

    `out` must not exist or be empty, and appears only once everything is written.

    Returns:
        The absolute path of `out`.

    Raises:
        UserError: a setting out of range, a missing font, an `out` that is not empty or cannot be written.
    """
    settings, workers = request.settings, request.workers
    out = Path(os.path.abspath(os.path.expanduser(request.out)))
    fonts = find_fonts(settings.fonts)
    with atomic_folder(out) as folder:
        plan = make_plan(settings)
        _fill(folder, settings, plan, workers or available_cores(), watcher.counter)
        write_json(folder / RECORD, _record(settings, plan, fonts))
    return out


def _fill(root: Path, settings: Settings, plan: DataSetPlan, workers: int, counter: Counter) -> None:
    """Write the photos and their ground truth."""
    for split in sorted(set(plan.split.tolist())):
        for class_id in sorted(set(plan.given[plan.split == split].tolist())):
            below = root / "all" if settings.layout == "rp2k" else root
            (below / split / plan.classes[class_id]).mkdir(parents=True)
    progress = counter("generating photos", plan.photos)
    with open(root / TRUTH, "w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(COLUMNS)
        with closing(render_photos(root, settings, plan.photos, workers)) as rendered:
            for rows in rendered:
                table.writerows(rows)
                progress(len(rows))
        stream.flush()
        os.fsync(stream.fileno())


def _record(settings: Settings, plan: DataSetPlan, fonts: Fonts) -> dict[str, Any]:
    """The record of how the data set was made, for `generation.json`."""
    wrong = int((plan.error >= 0).sum())
    return {
        "settings": settings.to_json(),
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
    """Font files with their hashes: another version renders other glyphs."""
    return [{"file": str(path), "sha256": file_sha256(path)} for path in paths]

"""Write a generated data set: drawn by all cores, whole or not at all, with the truth beside it."""

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
from shelfmind.shelf_generator.drawing import drawn
from shelfmind.shelf_generator.fonts import Fonts, find_fonts
from shelfmind.shelf_generator.plan import DataSetPlan, make_plan
from shelfmind.shelf_generator.settings import GenerateRequest, Settings
from shelfmind.shelf_generator.studio import COLUMNS

TRUTH, RECORD = "truth.csv", "generation.json"


@takes(GenerateRequest)
def generate(request: GenerateRequest, watcher: Observer = SILENT) -> Path:
    """Draw photos of made-up products into ``out/all/{train,test}/<class>/<nnnnn>.jpg``, as RP2K has them.

    The same settings, fonts and Pillow give the same bytes whatever the number of `workers`.
    Beside the photos lie ``generation.json`` (settings, fonts, counts) and ``truth.csv``, a line a photo:

    - ``path``; ``split``; ``given``, the class it is filed under; ``true``, the class it shows, empty for an object
      that is no product; ``error``: random, sibling, foreign, or empty where it is filed right;
    - ``product``, what it shows (which one, for "others"); ``package``, its kind or the kind of foreign object;
      ``brand``; ``family``, a number that siblings share; ``variant``, what sets it apart from its family's first:
      flavour, wording, strength, size; ``duplicate_of``, the photo that it is a near-copy of;
    - ``width``, ``height`` and the factors of `Shot`.

    `out` must be missing or empty and appears only when all is written.

    Returns:
        The absolute path of `out`.

    Raises:
        UserError: a setting out of range, a font that is missing, an `out` that is not empty or cannot be written.
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
    """The photos and their truth."""
    for split in sorted(set(plan.split.tolist())):
        for class_id in sorted(set(plan.given[plan.split == split].tolist())):
            below = root / "all" if settings.layout == "rp2k" else root
            (below / split / plan.classes[class_id]).mkdir(parents=True)
    progress = counter("generating photos", plan.photos)
    with open(root / TRUTH, "w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(COLUMNS)
        with closing(drawn(root, settings, plan.photos, workers)) as drawing:
            for rows in drawing:
                table.writerows(rows)
                progress(len(rows))
        stream.flush()
        os.fsync(stream.fileno())


def _record(settings: Settings, plan: DataSetPlan, fonts: Fonts) -> dict[str, Any]:
    """What the data set was made of, for `generation.json`."""
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
    """Font files with their hashes: another version draws other letters."""
    return [{"file": str(path), "sha256": file_sha256(path)} for path in paths]

"""Measure the search of near-duplicates among up to millions of photos: time, memory, recall and precision.

    SHAPE="--set long_side=[96,144] --set tail=0 --set others_share=0 --set family_size=3 --set jpeg=0.3"
    shelfmind generate --classes 10000 --images 400000 --seed 15 $SHAPE --set layout=folder --out MANY
    shelfmind generate --classes 12 --images 6000 --seed 21 $SHAPE --set layout=folder --out DENSE
    for n in 10000 100000 1000000; do
        python benchmarks/copies_at_scale.py MANY --also DENSE --images $n --work WORK --json copies_$n.json
    done

One image in a hundred is an altered copy (the alterations of `benchmarks/duplicates.py`). The others are photos of
random whole classes of MANY, so that the number of photos per product does not depend on the number of images, and all
photos of DENSE, which has hundreds of photos per product, if there is room for ten times as many. If MANY is too small,
its photos are used again mirrored, then upside down: other pictures with the same statistics.

Photos are decoded once; their fingerprints are kept in WORK (2.6 kB each), which belongs to these MANY and DENSE, and a
later call continues there. Decoding is therefore not part of the figures. A copy counts as found if it is in one group
with its original. A confirmed pair is correct if it shows one photo. CPU and memory are those of the search alone;
`anonymous_mib` leaves out the mapped file of fingerprints, which the system may evict.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from command import exit_status, parser_of
from duplicates import ALTERATIONS, share, show

from shelfmind.analysis.measuring.measurement import FACTS, Measured
from shelfmind.analysis.near_duplicates import groups
from shelfmind.analysis.near_duplicates.groups import Limits, find_duplicates
from shelfmind.arrays import Ints
from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.files import write_json
from shelfmind.images.decoding import BadImage, open_image
from shelfmind.images.fingerprinting import FINGERPRINTED, fingerprinted, write_fingerprints
from shelfmind.images.fingerprints import FINGERPRINT, WORKING_SIDE
from shelfmind.progress import Progress

Prints = npt.NDArray[np.void]
COPIES = 100
"""One image in so many is a copy."""
_CHUNK = 4096


@dataclass(frozen=True)
class Photos:
    """Photos with their fingerprints; `labels` are their classes."""

    paths: Sequence[Path]
    labels: Ints
    prints: Prints


@dataclass(frozen=True)
class Population:
    """N images: `shown` identifies the photo that each shows; the last C are copies, altered in the ways `kinds`."""

    shown: Ints
    kinds: Ints
    sizes: Prints
    prints: Prints


def photos_of(root: Path, work: Path, name: str) -> Photos:
    listed, file = work / f"{name}.json", work / f"{name}.npy"
    if not listed.exists():
        samples = open_catalog(root).samples
        write_json(listed, {"paths": [str(each.path) for each in samples], "labels": [each.label for each in samples]})
    known = json.loads(listed.read_text(encoding="utf-8"))
    paths = [Path(path) for path in known["paths"]]
    if not file.exists():
        partial = file.with_suffix(".partial")
        write_fingerprints(paths, partial, shown_progress(f"fingerprints of {root}", len(paths)))
        partial.rename(file)
    return Photos(paths, np.array(known["labels"]), np.load(file, mmap_mode="r"))


def shown_progress(what: str, total: int | None, unit: str = "images") -> Progress:
    done, shown = 0, time.monotonic()

    def progress(newly: int) -> None:
        nonlocal done, shown
        done += newly
        if time.monotonic() > shown + 20:
            shown = time.monotonic()
            print(f"{what}: {done:,} of {total or 0:,} {unit}", file=sys.stderr, flush=True)

    return progress


def planted(photos: Photos, chosen: Ints, file: Path, seed: int) -> tuple[Prints, Ints]:
    """Fingerprints of an altered copy of each chosen photo, and the alterations."""
    rng = np.random.default_rng([seed, 1])
    kinds = rng.permutation(np.arange(len(chosen)) % len(ALTERATIONS))
    alter = list(ALTERATIONS.values())
    if not file.exists():
        made = np.zeros(len(chosen), FINGERPRINTED)
        progress = shown_progress("copies", len(chosen))
        for place, (index, kind) in enumerate(zip(chosen.tolist(), kinds.tolist(), strict=True)):
            try:
                copy = alter[kind](open_image(photos.paths[index].read_bytes()), rng)
                made[place] = fingerprinted(open_image(copy, draft_size=(WORKING_SIDE, WORKING_SIDE)))
            except BadImage as error:
                raise UserError(f"{photos.paths[index]}: {error.reason}") from error
            progress(1)
        partial = file.with_suffix(".partial")
        with open(partial, "wb") as stream:
            np.save(stream, made)
        partial.rename(file)
    return np.load(file), kinds


def population(many: Photos, dense: Photos | None, count: int, work: Path, seed: int) -> Population:
    """Choose the photos, plant copies, and write all fingerprints to a file in `work`."""
    copies = count // COPIES
    room = count - copies
    whole = dense if dense is not None and len(dense.paths) * 10 <= room else None
    extra = 0 if whole is None else len(whole.paths)
    rng = np.random.default_rng([seed, 0])
    order = rng.permutation(many.labels.max() + 1)
    by_class = np.argsort(order[many.labels], kind="stable")[: room - extra]
    variants = [by_class[: max(0, min(len(by_class), room - extra - turn * len(by_class)))] for turn in range(4)]
    if sum(map(len, variants)) < room - extra:
        raise UserError(f"{count:,} images need at least {-(-(room - extra) // 4):,} photos; use more photos")
    sources = rng.permutation(by_class)[: copies - copies * extra // room]
    parts = [turned(many.prints, rows, turn) for turn, rows in enumerate(variants) if len(rows)]
    shown = [turn * len(many.paths) + rows for turn, rows in enumerate(variants)]
    planted_in = f"copies_{count}_{extra}_{seed}"
    altered, kinds = planted(many, sources, work / f"{planted_in}.npy", seed)
    ends, copied = [iter([altered])], [sources]
    if whole is not None:
        offset = 4 * len(many.paths)
        parts.append(turned(whole.prints, np.arange(extra), 0))
        shown.append(offset + np.arange(extra))
        inside = rng.permutation(extra)[: copies - len(sources)]
        more, more_kinds = planted(whole, inside, work / f"{planted_in}_dense.npy", seed + 1)
        ends.append(iter([more]))
        copied.append(offset + inside)
        kinds = np.concatenate([kinds, more_kinds])
    return Population(
        np.concatenate([*shown, *copied]), kinds, *stored([*parts, *ends], work / f"population_{count}.bin")
    )


def turned(prints: Prints, rows: Ints, turn: int) -> Iterator[Prints]:
    """Fingerprints as they are, mirrored, upside down, or both."""
    for start in range(0, len(rows), _CHUNK):
        part = np.array(prints[rows[start : start + _CHUNK]])
        for field in ("luma", "chroma"):
            planes = part["fingerprint"][field]
            planes = planes[..., ::-1] if turn & 1 else planes
            part["fingerprint"][field] = np.array(planes[..., ::-1, :] if turn & 2 else planes)
        yield part


def stored(parts: Sequence[Iterator[Prints]], file: Path) -> tuple[Prints, Prints]:
    """Sizes in memory, and fingerprints in a file."""
    sizes: list[Prints] = []
    with open(file, "wb") as stream:
        for part in parts:
            for records in part:
                made = np.empty(len(records), [("width", "<u4"), ("height", "<u4")])
                made["width"], made["height"] = records["width"], records["height"]
                sizes.append(made)
                stream.write(np.ascontiguousarray(records["fingerprint"]).tobytes())
    together = np.concatenate(sizes)
    return together, np.memmap(file, FINGERPRINT, mode="r", shape=(len(together),))


@contextmanager
def watched_memory() -> Iterator[dict[str, int]]:
    """The largest anonymous and file-backed memory in MiB while the block runs (Linux)."""
    peak, over = {"anonymous": 0, "file": 0}, threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            status = Path("/proc/self/status").read_text()
            for name, key in (("anonymous", "RssAnon"), ("file", "RssFile")):
                found = re.search(rf"{key}:\s+(\d+)", status)
                peak[name] = max(peak[name], int(found[1]) // 1024 if found else 0)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def searched(made: Population, limits: Limits) -> dict[str, Any]:
    """Search the population; count what was found."""
    count = len(made.shown)
    facts = np.zeros(count, FACTS)
    for name in ("width", "height"):
        facts[name] = made.sizes[name]
    facts["pixel_digest"] = np.frombuffer(np.random.default_rng(0).bytes(16 * count), "V16")
    confirmed: list[tuple[int, int]] = []
    candidates = [0]
    real = groups.differences

    def spied(pairs: Ints, *rest: Any) -> Any:
        apart = real(pairs, *rest)
        candidates[0] += len(pairs)
        confirmed.extend(map(tuple, pairs[np.isfinite(apart)].tolist()))
        return apart

    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    with watched_memory() as peak, patch.object(groups, "differences", spied):
        found = find_duplicates(Measured(np.arange(count), facts, made.prints, ()), limits, shown_progress)
    used, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began
    group = np.arange(count)
    for each in found:
        group[list(each.members)] = each.members[0]
    originals = {int(shown): place for place, shown in enumerate(made.shown[: count - len(made.kinds)])}
    copies = np.arange(count - len(made.kinds), count)
    sources = np.array([originals[int(shown)] for shown in made.shown[copies]])
    right = group[copies] == group[sources]
    pairs = np.array(sorted({(min(pair), max(pair)) for pair in confirmed})).reshape(-1, 2)
    correct = made.shown[pairs[:, 0]] == made.shown[pairs[:, 1]]
    return {
        "images": count,
        "wall_seconds": round(wall, 1),
        "user_seconds": round(used.ru_utime - before.ru_utime, 1),
        "system_seconds": round(used.ru_stime - before.ru_stime, 1),
        "anonymous_mib": peak["anonymous"],
        "file_mib": peak["file"],
        "candidates": candidates[0],
        "groups": len(found),
        "precision": share(int(correct.sum()), len(pairs)),
        "recall": share(int(right.sum()), len(copies)),
        "by_alteration": {
            name: share(int(right[made.kinds == kind].sum()), int((made.kinds == kind).sum()))
            for kind, name in enumerate(ALTERATIONS)
        },
        "wrong_pairs": made.shown[pairs[~correct]].tolist()[:100],
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--also", type=Path, help="photos that are used completely")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, required=True, help="folder of the fingerprints, which are kept")
    parser.add_argument("--tangent", type=float, default=Limits().tangent, help="its limit (default: %(default)s)")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    many = photos_of(given.photos, given.work, "many")
    dense = None if given.also is None else photos_of(given.also, given.work, "dense")
    made = population(many, dense, given.images, given.work, given.seed)
    figures = searched(made, Limits(tangent=given.tangent))
    show(figures)
    if given.json is not None:
        write_json(given.json, figures)


if __name__ == "__main__":
    sys.exit(exit_status(main))

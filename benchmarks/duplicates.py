"""How well leaked copies are found: alters photos, hides the copies in a test split, and counts what the audit finds.

    .venv/bin/python benchmarks/duplicates.py PHOTOS --json duplicates.json
    .venv/bin/python benchmarks/duplicates.py --classes 150 --images 3000
    .venv/bin/python benchmarks/duplicates.py --scale 350000
    .venv/bin/python benchmarks/duplicates.py DRAWN --audit AUDIT

PHOTOS is any data set; without it, drawn packages are used. All its images are the training split. A random half of
them chooses the thresholds, the other half reports. Each image of a half gets one copy, altered in one of the ways
below, in the test split. A copy is found if it is in one group with its original. A pair across the splits is right if
one is the copy of the other. Photos taken in a burst are nearly one photo already: pairs of an image with the copy of
another image that the audit calls its duplicate before any copy is planted are counted apart ("natural") and neither
right nor wrong; the strict precision counts them as wrong. If the package `imagehash` can be imported, its perceptual
hash (64 and 256 bits) is measured on the same pairs at its best threshold of the first half. Nothing is written but
the figures. `--audit` holds an audit of a set drawn by `shelfmind generate --duplicates` against its `truth.csv`:
which planted copies lie in one group, and which of the pairs in `issues.csv` are copies. `--scale` measures time and
memory of the search alone, on that many fingerprints mixed from real ones.
"""

from __future__ import annotations

import io
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from command import parser_of
from PIL import Image, ImageEnhance
from rows import read_rows
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from shelfmind import generate
from shelfmind.analysis.measuring.measurement import FACTS, Measured, measure
from shelfmind.analysis.near_duplicates.groups import Limits, find_duplicates
from shelfmind.cleaning.near_duplicate_pairs import audited_pairs
from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.evaluation.intervals import proportion_interval
from shelfmind.files import write_json
from shelfmind.images.decoding import open_image
from shelfmind.images.fingerprints import FINGERPRINT
from shelfmind.progress import count_silently

Rng = np.random.Generator
WHOLE_TRIED = (0.04, 0.06, 0.08, 0.10, 0.12, 0.14, 0.17, 0.20)
HASH_SIDES = (8, 16)


def encoded(image: Image.Image, quality: int, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, quality=quality)
    return stream.getvalue()


def resized(image: Image.Image, rng: Rng) -> Image.Image:
    factor = rng.uniform(0.35, 0.9) if rng.random() < 0.7 else rng.uniform(1.1, 1.6)
    size = (max(8, round(image.width * factor)), max(8, round(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS)


def cropped(image: Image.Image, shares: Sequence[float]) -> Image.Image:
    left, top, right, bottom = shares
    width, height = image.size
    return image.crop((int(left * width), int(top * height), width - int(right * width), height - int(bottom * height)))


def lit(image: Image.Image, rng: Rng) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.2))


def altered_in_all_ways(image: Image.Image, rng: Rng) -> bytes:
    changed = resized(lit(cropped(image, rng.uniform(0, 0.05, 4)), rng), rng)
    return encoded(changed, int(rng.integers(40, 91)))


ALTERATIONS: dict[str, Callable[[Image.Image, Rng], bytes]] = {
    "re-encoded (JPEG 30 to 90)": lambda image, rng: encoded(image, int(rng.integers(30, 91))),
    "re-encoded (WebP 40 to 90)": lambda image, rng: encoded(image, int(rng.integers(40, 91)), "WEBP"),
    "resized (0.35 to 1.6)": lambda image, rng: encoded(resized(image, rng), 85),
    "cropped (0 to 5% a side)": lambda image, rng: encoded(cropped(image, rng.uniform(0, 0.05, 4)), 85),
    "cropped (5% on all sides)": lambda image, rng: encoded(cropped(image, [0.05] * 4), 85),
    "brightness (0.8 to 1.2)": lambda image, rng: encoded(lit(image, rng), 85),
    "all of these": altered_in_all_ways,
}


@dataclass(frozen=True)
class Half:
    """M images and their copies: positions 0..M-1 are the originals, M..2M-1 the copies, in the same order."""

    measured: Measured
    alone: Measured
    kinds: npt.NDArray[np.int64]
    hashes: dict[int, npt.NDArray[np.bool_]]

    @property
    def originals(self) -> int:
        return len(self.kinds)


def made_half(paths: Sequence[Path], rng: Rng) -> Half:
    kinds = rng.permutation(np.arange(len(paths)) % len(ALTERATIONS))
    alter = list(ALTERATIONS.values())
    originals = [path.read_bytes() for path in paths]
    copies = [alter[kind](open_image(content), rng) for kind, content in zip(kinds, originals, strict=True)]
    everything = [*originals, *copies]
    records = np.stack([measure(io.BytesIO(content), len(content), ".jpg") for content in everything])
    hashes = {side: np.stack([perceptual_hash(content, side) for content in everything]) for side in hash_sides()}
    whole = as_measured(records)
    return Half(whole, as_measured(records[: len(paths)]), kinds, hashes)


def as_measured(records: npt.NDArray[np.void]) -> Measured:
    return Measured(np.arange(len(records)), records["facts"], records["fingerprint"], ())


def hash_sides() -> tuple[int, ...]:
    return HASH_SIDES if find_spec("imagehash") else ()


def perceptual_hash(content: bytes, side: int) -> npt.NDArray[np.bool_]:
    import imagehash

    return np.asarray(imagehash.phash(open_image(content), hash_size=side).hash).ravel()


@dataclass(frozen=True)
class Outcome:
    """What was found in one half; recall has an entry a kind of alteration: found, planted."""

    recall: dict[str, tuple[int, int]]
    right: int
    wrong: int
    natural: int

    def figures(self) -> dict[str, Any]:
        found = sum(found for found, _ in self.recall.values())
        planted = sum(planted for _, planted in self.recall.values())
        return {
            "recall": share(found, planted),
            "precision": share(self.right, self.right + self.wrong),
            "strict_precision": share(self.right, self.right + self.wrong + self.natural),
            "natural_pairs": self.natural,
            "by_alteration": {kind: share(*counts) for kind, counts in self.recall.items()},
        }


def share(found: int, total: int) -> dict[str, Any]:
    """A share with its 95% interval (Wilson)."""
    if not total:
        return {"share": None, "interval": None, "found": 0, "of": 0}
    return {"share": found / total, "interval": list(proportion_interval(found, total)), "found": found, "of": total}


def judged(half: Half, pairs: Iterator[tuple[int, int]], natural: set[tuple[int, int]]) -> Outcome:
    """`pairs` are (original, copy) that were found, `natural` pairs of originals."""
    found, wrong, of_course = set(), 0, 0
    for original, copy in pairs:
        source = copy - half.originals
        if source == original:
            found.add(source)
        elif (min(source, original), max(source, original)) in natural:
            of_course += 1
        else:
            wrong += 1
    recall = {}
    for kind, name in enumerate(ALTERATIONS):
        members = np.flatnonzero(half.kinds == kind).tolist()
        recall[name] = (sum(member in found for member in members), len(members))
    return Outcome(recall, len(found), wrong, of_course)


def across(half: Half, limits: Limits) -> Iterator[tuple[int, int]]:
    """Pairs (original, copy) in one group."""
    for group in find_duplicates(half.measured, limits, count_silently):
        originals = [member for member in group.members if member < half.originals]
        copies = [member for member in group.members if member >= half.originals]
        yield from product(originals, copies)


def natural_pairs(half: Half, limits: Limits) -> set[tuple[int, int]]:
    groups = find_duplicates(half.alone, limits, count_silently)
    return {pair for group in groups for pair in product(group.members, group.members) if pair[0] < pair[1]}


def hash_distances(half: Half, side: int) -> npt.NDArray[np.int64]:
    """Bits that differ, shape (originals, copies)."""
    signs = np.where(half.hashes[side], 1.0, -1.0).astype(np.float32)
    dots = signs[: half.originals] @ signs[half.originals :].T
    return np.asarray((side * side - dots) / 2, np.int64)


def judged_hash(half: Half, distances: npt.NDArray[np.int64], bits: int, natural: set[tuple[int, int]]) -> Outcome:
    originals, copies = np.nonzero(distances <= bits)
    return judged(half, zip(originals.tolist(), (copies + half.originals).tolist(), strict=True), natural)


def f1(outcome: Outcome) -> float:
    planted = sum(count for _, count in outcome.recall.values())
    return 2 * outcome.right / (2 * outcome.right + outcome.wrong + outcome.natural + planted - outcome.right)


def compare(paths: Sequence[Path], seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(paths))
    middle = len(paths) // 2
    choosing, reporting = (
        made_half([paths[place] for place in part], rng) for part in (order[:middle], order[middle:])
    )
    natural = {id(half): natural_pairs(half, Limits()) for half in (choosing, reporting)}
    tried = {
        whole: judged(choosing, across(choosing, replace(Limits(), whole=whole)), natural[id(choosing)])
        for whole in WHOLE_TRIED
    }
    began = time.monotonic()
    found = judged(reporting, across(reporting, Limits()), natural[id(reporting)])
    seconds = time.monotonic() - began
    hashed = {}
    for side in hash_sides():
        distances = hash_distances(choosing, side)
        bits = max(
            range(side * side // 2), key=lambda bits: f1(judged_hash(choosing, distances, bits, natural[id(choosing)]))
        )
        best = judged_hash(reporting, hash_distances(reporting, side), bits, natural[id(reporting)])
        equal = judged_hash(reporting, hash_distances(reporting, side), 0, natural[id(reporting)])
        hashed[f"{side * side} bits"] = {"threshold": bits, **best.figures(), "recall of equal hashes": recall(equal)}
    return {
        "images": len(paths),
        "seed": seed,
        "limits": asdict(Limits()),
        "chosen_on_first_half": {str(whole): summary(outcome) for whole, outcome in tried.items()},
        "second_half": found.figures(),
        "search_seconds": round(seconds, 2),
        "imagehash": hashed or "not installed",
    }


def recall(outcome: Outcome) -> float:
    return float(outcome.figures()["recall"]["share"])


def summary(outcome: Outcome) -> dict[str, Any]:
    figures = outcome.figures()
    return {name: figures[name]["share"] for name in ("recall", "precision", "strict_precision")}


def measured_at_scale(paths: Sequence[Path], count: int, seed: int) -> dict[str, Any]:
    """The search alone on `count` fingerprints: each a blend of two real ones, of which one in a hundred has a copy."""
    rng = np.random.default_rng(seed)
    records = np.stack([measure(io.BytesIO(path.read_bytes()), path.stat().st_size, ".jpg") for path in paths])
    facts = np.zeros(count, FACTS)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "fingerprints.bin"
        with open(store, "wb") as stream:
            for start in range(0, count, 4096):
                size = min(4096, count - start)
                stream.write(blended(records["fingerprint"], size, rng).tobytes())
                facts[start : start + size] = records["facts"][rng.integers(0, len(records), size)]
        facts["pixel_digest"] = np.frombuffer(rng.bytes(16 * count), "V16")
        prints = np.memmap(store, FINGERPRINT, mode="r", shape=(count,))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.monotonic()
        used = time.process_time()
        groups = find_duplicates(Measured(np.arange(count), facts, prints, ()), Limits(), count_silently)
        return {
            "images": count,
            "seconds": round(time.monotonic() - began, 1),
            "processor_seconds": round(time.process_time() - used, 1),
            "groups": len(groups),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "peak_mib_before": round(before),
        }


def against_truth(drawn: Path, audit: Path) -> dict[str, Any]:
    """Recall of planted copies and precision of the pairs of an audit of drawn photos."""
    truth = read_rows(drawn / "truth.csv")
    original = {row["path"]: row["duplicate_of"] or row["path"] for row in truth}
    pairs = {(min(pair), max(pair)) for pair in audited_pairs(audit)}
    place = {path: number for number, path in enumerate(original)}
    links = np.array([(place[one], place[other]) for one, other in pairs]).reshape(-1, 2).T
    links_matrix = coo_matrix((np.ones(links.shape[1]), (links[0], links[1])), shape=(len(place),) * 2)
    group = connected_components(links_matrix, directed=False)[1]
    planted = [(place[row["path"]], place[row["duplicate_of"]]) for row in truth if row["duplicate_of"]]
    right = sum(original[one] == original[other] for one, other in pairs)
    return {
        "recall": share(sum(bool(group[one] == group[other]) for one, other in planted), len(planted)),
        "precision": share(right, len(pairs)),
    }


def blended(prints: npt.NDArray[np.void], count: int, rng: Rng) -> npt.NDArray[np.void]:
    """Pictures between two real ones, and now and then nearly the same twice."""
    made = np.zeros(count, FINGERPRINT)
    one, two = rng.integers(0, len(prints), (2, count))
    weight = rng.uniform(0, 0.5, count)
    for field in ("luma", "chroma"):
        shape = (count, *[1] * (prints[field].ndim - 1))
        share_of_two = weight.reshape(shape)
        mixed = (1 - share_of_two) * prints[field][one] + share_of_two * prints[field][two]
        made[field] = np.clip(mixed + rng.normal(0, 3, mixed.shape), 0, 255)
    copies = np.arange(1, count, 100)
    made["luma"][copies] = np.clip(made["luma"][copies - 1] * 1.08, 0, 255)
    made["chroma"][copies] = made["chroma"][copies - 1]
    return made


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("photos", nargs="?", type=Path)
    parser.add_argument("--classes", type=int, default=150)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=int, default=0, help="only measure the search on so many fingerprints")
    parser.add_argument("--audit", type=Path, help="only hold this audit of the drawn PHOTOS against their truth")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            root = given.photos
            if root is None:
                root = Path(folder) / "drawn"
                generate(root, classes=given.classes, images=given.images, seed=given.seed + 1000)
            if given.audit is not None:
                figures = against_truth(root, given.audit)
            else:
                paths = [sample.path for sample in open_catalog(root).samples]
                figures = (
                    measured_at_scale(paths, given.scale, given.seed) if given.scale else compare(paths, given.seed)
                )
    except UserError as error:
        sys.exit(f"error: {error}")
    show(figures)
    if given.json is not None:
        write_json(given.json, figures)


def show(figures: dict[str, Any], indent: str = "") -> None:
    for name, value in figures.items():
        if isinstance(value, dict) and "of" in value:
            low, high = value["interval"] or (0, 0)
            print(f"{indent}{name}: {value['found']} of {value['of']}, {value['share']:.4f} ({low:.4f} to {high:.4f})")
        elif isinstance(value, dict):
            print(f"{indent}{name}:")
            show(value, indent + "  ")
        else:
            print(f"{indent}{name}: {value}")


if __name__ == "__main__":
    main()

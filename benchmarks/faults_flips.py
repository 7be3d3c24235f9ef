"""Flip one bit in every file of a run, a cache, a gallery, exported files and shards: each must be found and named.

    python benchmarks/faults_flips.py --rounds 3 --json flips.json

In each round, each file has one random bit flipped, is verified by the command for it (`verify`, `gallery verify`, or
reading it), and is restored. A damaged cache must never be used: the next commands give the same results as before.
A damaged shard must not be opened either.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from command import exit_status, parser_of, show
from faults_inputs import pack_shards, write_inputs
from faults_place import Place, Work, flip
from faults_scenarios import AUDIT, GALLERY, PREDICT, TRAIN, audited, cached, decode, import_all

from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.gallery.storage import LocalFiles
from shelfmind.gallery.verification import verify
from shelfmind.inference.exported import read_exported
from shelfmind.machine.checksum_lists import CHECKSUMS
from shelfmind.records import Predictions
from shelfmind.requests.tool import VerifyRequest
from shelfmind.workflows.integrity import verify_files

EXPORTS: list[Work] = [
    ["export", "run"],
    ["export", "run", "--format", "openvino"],
    ["export", "run", "--format", "mindir"],
]


def named_by_verify(place: Place, path: Path) -> bool:
    """Whether `shelfmind verify` names the file and nothing else; the weights of a run are two names of one file."""
    named = {fault for fault, _ in verify_files(VerifyRequest(paths=(place.root / "run",)))}
    same = {each for each in (place.root / "run").rglob("*") if each.is_file() and each.samefile(path)}
    return named == same


def named_by_verify_and_not_opened(place: Place, path: Path) -> bool:
    """Whether `shelfmind verify` names the file and nothing else, and the data set is not opened with it.

    A flip in the list of checksums is found as a line that cannot be read, or as a file that does not match it.
    """
    shards = place.root / "shards"
    try:
        named = {fault for fault, _ in verify_files(VerifyRequest(paths=(shards,)))}
        if path.name == CHECKSUMS:
            return bool(named)
        open_catalog(shards)
    except UserError as error:
        return str(path) in str(error) and (path.name == CHECKSUMS or named == {path})
    return False


def named_by_gallery_verify(place: Place, path: Path) -> bool:
    """Whether `gallery verify` names the file."""
    gallery = place.root / "shelf"
    return path.relative_to(gallery).as_posix() in {fault.file for fault in verify(LocalFiles(gallery))}


def named_when_read(read: Callable[[Path], object]) -> Callable[[Place, Path], bool]:
    """Return whether reading fails with an error that names the file."""

    def named(place: Place, path: Path) -> bool:
        try:
            read(path)
        except UserError as error:
            return path.name in str(error)
        return False

    return named


def never_used(place: Place, path: Path) -> bool:
    """Whether the results are those without a cache."""
    shutil.rmtree(place.root / "audit", ignore_errors=True)
    ended = place.run([*AUDIT, decode])
    return ended.status == 0 and (audited(place), cached(place)) == place.expected


@dataclass(frozen=True)
class Target:
    """The files below `folder`, made by `works`; `found` is whether damage of one of them is found."""

    folder: str
    works: list[Work]
    found: Callable[[Place, Path], bool]
    needs: frozenset[str] = frozenset({"photos"})


TARGETS: dict[str, Target] = {
    "run": Target("run", [*TRAIN, *EXPORTS, ["calibrate", "run", "photos"]], named_by_verify),
    "gallery": Target("shelf", [*GALLERY[:7]], named_by_gallery_verify, frozenset({"network"})),
    "compacted gallery": Target("shelf", GALLERY, named_by_gallery_verify, frozenset({"network"})),
    "exported file": Target("network.onnx", [], named_when_read(read_exported), frozenset({"network"})),
    "predictions": Target("answers.npz", PREDICT[:1], named_when_read(Predictions.load), frozenset({"network"})),
    "cache": Target("cache", [*AUDIT, decode], never_used),
    **{
        f"{suffix} shards": Target(
            "shards", [partial(pack_shards, suffix), ["verify", "shards", "--accept"]], named_by_verify_and_not_opened
        )
        for suffix in ("tar", "parquet", "arrow")
    },
}


def flips(target: Target, place: Place, rounds: int, seed: int) -> dict[str, Any]:
    """Flip a bit in each file, several times. Return the counts, and the flips that were not found."""
    write_inputs(place, target.needs)
    place.renew()
    ended = place.run(target.works)
    if ended.status:
        raise UserError(f"the target cannot be made: {ended.said}")
    if target.found is never_used:
        place.expected = audited(place), cached(place)
    folder = place.root / target.folder
    files = (
        [folder]
        if folder.is_file()
        else sorted(path for path in folder.rglob("*") if path.stat().st_size and path.is_file())
    )
    copy = place.aside / "copy"
    shutil.copytree(place.root, copy, symlinks=True)
    rng, missed = random.Random(seed), []
    for number in range(rounds):
        for path in files:
            before = path.read_bytes()
            at = flip(path, rng)
            if not target.found(place, path):
                missed.append(f"{path.relative_to(place.root)}, byte {at} of {len(before)}")
                print(f"round {number}: not found: {missed[-1]}", flush=True)
            if target.found is never_used:
                shutil.rmtree(folder)
                shutil.copytree(copy / target.folder, folder)
            else:
                path.write_bytes(before)
    return {"files": len(files), "flips": rounds * len(files), "not found": missed}


def main() -> None:
    """Flip bits in every target, and print the counts."""
    parser = parser_of(__doc__)
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="may be repeated; default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    given: argparse.Namespace = parser.parse_args()
    names = given.target or list(TARGETS)
    import_all("run" in names)
    found = {}
    with tempfile.TemporaryDirectory(prefix="flips-") as scratch:
        (Path(scratch) / "place").mkdir()
        os.environ["SHELFMIND_CACHE"] = str(Path(scratch) / "cache")
        for name in names:
            place = Place(Path(scratch) / "place", Path(scratch) / "inputs")
            found[name] = flips(TARGETS[name], place, given.rounds, given.seed)
            print(name, {**found[name], "not found": len(found[name]["not found"])}, flush=True)
    show(found, given.json)


if __name__ == "__main__":
    sys.exit(exit_status(main))

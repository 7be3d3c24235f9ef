"""Time and memory of the long verbs against numbers of images and classes and against image size.

    python benchmarks/growth.py FOLDER --axis images --values 1000 10000 100000
    python benchmarks/growth.py FOLDER --axis classes --values 10 100 1000 10000
    python benchmarks/growth.py FOLDER --axis side --values 64 128 256 512

Each verb is a whole command on small drawn photos, with a cache of its own. A gallery has all photos; 100 others are
searched in it. CPU seconds and peak resident memory are those of the process, wall seconds depend on other load.
FOLDER/growth.jsonl gets a line per command, with the processor; those that it has are not repeated. The photos of a
value are deleted after its last verb. The lines behind the published figures are in benchmarks/growth.jsonl.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from command import exit_status, parser_of
from growth_photos import write_photos

from shelfmind.errors import UserError
from shelfmind.machine.processor import notable_instructions, processor_name

COMMAND = Path(sys.executable).with_name("shelfmind")
IMAGES, CLASSES, SIDE = 10_000, 100, 64
"""What the other axes keep."""
QUERIES = 100
SMALL = ("data.image_size=64", "data.resize_to=64", "data.evaluation_size=64", "train.stages=[]")
NETWORK = ("model.arguments.widths=[16, 32, 64, 128]",)


@dataclass(frozen=True)
class Places:
    """The folders of one value, and its numbers of images and classes."""

    data: Path
    work: Path
    images: int
    classes: int

    @property
    def queries(self) -> Path:
        """A few photos to search a gallery for."""
        return self.work / "queries"

    def out(self, name: str) -> str:
        """A new path for the output of a verb."""
        path = self.work / name
        for old in self.work.glob(f"{name}*"):  # with the parts of an interrupted command
            if old.is_dir():
                shutil.rmtree(old)
            else:
                old.unlink()
        return str(path)


def _settings() -> list[str]:
    return [word for each in (*SMALL, *NETWORK) for word in ("--set", each)]


VERBS: dict[str, Callable[[Places], list[str]]] = {
    "audit": lambda at: ["audit", str(at.data), "--out", at.out("audit")],
    "audit, cached": lambda at: ["audit", str(at.data), "--out", at.out("audit")],
    "prepare": lambda at: ["prepare", str(at.data), "--out", at.out("prepared")],
    "train, one epoch": lambda at: [
        *("train", str(at.data), "--recipe", "demo", *_settings(), "--epochs", "1", "--out", at.out("run"))
    ],
    "train, one epoch, cached": lambda at: [
        *("train", str(at.data), "--recipe", "demo", *_settings(), "--epochs", "1", "--out", at.out("run"))
    ],
    "evaluate": lambda at: ["evaluate", str(at.work / "run"), str(at.data), "--split", "train"],
    "predict": lambda at: ["predict", str(at.work / "run"), str(at.data), "--out", at.out("predictions.csv")],
    "embed": lambda at: ["embed", str(at.work / "run"), str(at.data), "--out", at.out("embeddings.parquet")],
    "gallery create": lambda at: [
        *("gallery", "create", at.out("gallery"), "--run", str(at.work / "run"), "--data", str(at.data))
    ],
    "gallery search": lambda at: ["gallery", "search", str(at.work / "gallery"), str(at.queries)],
    "gallery verify": lambda at: ["gallery", "verify", str(at.work / "gallery")],
    "gallery audit": lambda at: ["gallery", "audit", str(at.work / "gallery")],
    "gallery add": lambda at: ["gallery", "add", str(at.work / "gallery"), "--data", str(at.queries)],
    "gallery calibrate": lambda at: [
        *("gallery", "calibrate", str(at.work / "gallery"), str(at.data), "--false-accepts", "0.1")
    ],
    "gallery re-embed": lambda at: ["gallery", "re-embed", str(at.work / "gallery"), "--run", str(at.work / "run")],
    "gallery export": lambda at: ["gallery", "export", str(at.work / "gallery"), "--out", at.out("exported")],
    "gallery compact": lambda at: ["gallery", "compact", str(at.work / "gallery")],
    "gallery create, empty": lambda at: [
        *("gallery", "create", at.out("empty_gallery"), "--run", str(at.work / "run"))
    ],
    "gallery discover": lambda at: [
        *("gallery", "discover", str(at.work / "empty_gallery"), str(at.data), "--out", at.out("discovery"))
    ],
    "calibrate": lambda at: ["calibrate", str(at.work / "run"), str(at.data), "--split", "val"],
    "adapt": lambda at: ["adapt", str(at.work / "run"), str(at.data), "--out", at.out("adapted")],
    "pretrain, one epoch": lambda at: [
        *("pretrain", str(at.data), *_settings(), "--epochs", "1", "--out", at.out("pretrained"))
    ],
    "generate": lambda at: [
        *("generate", "--images", str(at.images), "--classes", str(at.classes), "--set", "long_side=[48,64]"),
        *("--out", at.out("generated")),
    ],
    "find-label-errors": lambda at: [
        *("find-label-errors", str(at.data), "--recipe", "demo", *_settings(), "--folds", "2", "--epochs", "1"),
        *("--out", at.out("labels")),
    ],
}
"""The commands, in an order in which each finds what it needs."""
WITH_A_NEW_CACHE = ("audit", "train, one epoch")


def measured(words: list[str], environment: dict[str, str], log: Path) -> dict[str, Any]:
    """Run a command and return its exit status, seconds and peak memory (MiB)."""
    began = time.monotonic()
    with log.open("ab") as stream:
        process = subprocess.Popen([str(COMMAND), *words], env=environment, stdout=stream, stderr=stream)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "status": process.returncode,
        "wall_s": round(time.monotonic() - began, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "system_s": round(usage.ru_stime, 1),
        "peak_mib": round(usage.ru_maxrss / 1024),
    }


def main() -> None:
    """Measure what is not measured yet, and print it."""
    parser = parser_of(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--axis", choices=("images", "classes", "side"), required=True)
    parser.add_argument("--values", type=int, nargs="+", required=True)
    parser.add_argument("--verbs", nargs="+", choices=tuple(VERBS), default=tuple(VERBS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    results = arguments.folder / "growth.jsonl"
    known = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    done = {(each["axis"], each["value"], each["verb"]) for each in known if each["status"] == 0}
    for value in arguments.values:
        missing = [verb for verb in arguments.verbs if (arguments.axis, value, verb) not in done]
        if missing:
            measure(arguments.axis, value, missing, arguments.folder, results)


def measure(axis: str, value: int, verbs: list[str], folder: Path, results: Path) -> None:
    """Measure some verbs at one value."""
    shape = {"images": IMAGES, "classes": CLASSES, "side": SIDE} | {axis: value}
    images = max(shape["images"], 2 * shape["classes"])
    work = folder / f"{axis}_{value}"
    at = Places(work / "photos", work, images, shape["classes"])
    write_photos(at.data, images, shape["classes"], shape["side"])
    write_photos(at.queries, QUERIES, min(shape["classes"], QUERIES), shape["side"], seed=1)
    environment = {**os.environ, "SHELFMIND_CACHE": str(at.work / "cache")}
    machine = f"{processor_name()} ({', '.join(notable_instructions())})"
    for verb in verbs:
        if verb in WITH_A_NEW_CACHE:
            shutil.rmtree(at.work / "cache", ignore_errors=True)
        figures = measured(VERBS[verb](at), environment, at.work / "log.txt")
        line = {"axis": axis, "value": value, "verb": verb, **shape, "images": images, **figures, "machine": machine}
        with results.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
        print(line, flush=True)
        if figures["status"] != 0:
            raise UserError(f"{verb} failed; see {at.work / 'log.txt'}")
    shutil.rmtree(at.work)


if __name__ == "__main__":
    sys.exit(exit_status(main))

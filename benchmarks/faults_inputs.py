"""What the jobs of `faults.py` start from: photos, decisions, the network of the tests, and a trained run."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from faults_place import Place
from faults_scenarios import COLOURS, PER_CLASS, TRAIN
from PIL import Image

from shelfmind.analysis.decisions import append_decision, decide
from shelfmind.errors import UserError

TESTS = Path(__file__).parents[1] / "tests"


def write_inputs(place: Place, needs: frozenset[str]) -> None:
    """Write the inputs that are not there yet to `place.inputs`."""
    photos, network, run = (place.inputs / name for name in ("photos", "network.onnx", "run"))
    if not photos.exists():
        write_photos(photos)
        append_decision(place.inputs / "review.jsonl", decide("Wang", "train/红茶/0.jpg", "红茶", "drop"))
    if "network" in needs and not network.exists():
        _of_tests("tiny_network").write_network(network)
    if "run" in needs and not run.exists():
        place.renew()
        ended = place.run(TRAIN)
        if ended.status:
            raise UserError(f"the run cannot be trained: {ended.said}")
        shutil.copytree(place.root / "run", run)


def pack_shards(suffix: str) -> None:
    """Pack the photos of the working directory into one shard per split, with the names of the classes."""
    packing, names = _of_tests("packing"), sorted(COLOURS)
    for split in PER_CLASS:
        files = sorted(Path("photos", split).rglob("*.jpg"))
        photos = [(f"{number}.jpg", path.read_bytes(), path.parent.name) for number, path in enumerate(files)]
        shard = Path("shards", f"{split}-0.{suffix}")
        if suffix == "tar":
            packing.pack_labelled_tar(shard, photos)
            shard.with_name("classes.txt").write_text("\n".join(names), encoding="utf-8")
        else:
            rows = [(name, content, names.index(label)) for name, content, label in photos]
            getattr(packing, f"write_{suffix}")(shard, packing.rows_table(rows, names))


def _of_tests(name: str) -> Any:
    """A module of the tests."""
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_photos(folder: Path) -> None:
    """Write photos of one colour each, with noise."""
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        for split, count in PER_CLASS.items():
            (folder / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(rng.integers(-20, 21, (36, 28, 3)) + np.array(colour), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{number}.jpg")

"""Records the provenance of a run: data, versions, seed, machine, source revision."""

from __future__ import annotations

import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from shelfmind.data import absolute
from shelfmind.data.digest import data_digest, training_digest
from shelfmind.machine.checksums import file_sha256
from shelfmind.models.checkpoint import load_checkpoint
from shelfmind.models.weights import Start
from shelfmind.records import Catalog
from shelfmind.runs.folder import read_json
from shelfmind.runs.history import run_of

PACKAGES = ("shelfmind", "mindspore", "numpy", "pillow")


def describe_origin(
    data: Path,
    catalog: Catalog,
    seed: int,
    command: dict[str, Any],
    weights: dict[str, Any],
    teachers: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The contents of `provenance.json` for a run on `data`.

    `command` holds the arguments that affect the outcome, `weights` comes from `describe_weights`, and `teachers` are
    the teachers of the run.
    """
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seed": seed,
        "command": command,
        "data": {
            "path": str(absolute(data)),
            "format": catalog.format,
            "digest": data_digest(catalog),
            "train_digest": training_digest(catalog),
            "images": {name: len(catalog.split(name)) for name in ("train", "val", "test")},
            "classes": len(catalog.class_names),
            "notes": list(catalog.notes),
        },
        "weights": weights,
        **({"teachers": list(teachers)} if teachers else {}),
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "source": _source_revision(),
    }


def describe_weights(start: Start | None) -> dict[str, Any]:
    """The origin of initial weights; those of a run include the provenance of that run."""
    if start is None:
        return {"origin": "random"}
    facts = {"path": str(start.path.absolute()), "sha256": file_sha256(start.path)}
    if start.url is not None:
        return {"origin": "official", "url": start.url, **facts}
    if start.shipped:
        return {"origin": "generated", **facts}
    run = run_of(start.path)
    if run is not None:
        load_checkpoint(start.path)  # verifies the checksum
        return {"origin": "run", **facts, "provenance": read_json(run.provenance)}
    return {"origin": "unknown", **facts}


def version_of(package: str) -> str | None:
    """The version of an installed package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _source_revision() -> str | None:
    """The git commit of a source checkout, marked if modified; None for an installed package."""
    folder = Path(__file__).resolve().parent
    try:
        inside = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--error-unmatch", Path(__file__).name],
            capture_output=True,
            check=False,
        )
        if inside.returncode != 0:
            return None
        described = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return described.stdout.strip() or None

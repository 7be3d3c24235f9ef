"""Records where a run comes from: data, versions, seed, machine, source revision."""

from __future__ import annotations

import hashlib
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from shelfmind.data import absolute
from shelfmind.records import Catalog

PACKAGES = ("shelfmind", "mindspore", "numpy", "pillow")


def describe_origin(data: Path, catalog: Catalog, seed: int, command: dict[str, Any]) -> dict[str, Any]:
    """What `provenance.json` says of a run on `data`; `command` holds the arguments that decide its outcome."""
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seed": seed,
        "command": command,
        "data": {
            "path": str(absolute(data)),
            "format": catalog.format,
            "digest": data_digest(catalog),
            "images": {name: len(catalog.split(name)) for name in ("train", "val", "test")},
            "classes": len(catalog.class_names),
            "notes": list(catalog.notes),
        },
        "weights": "random",
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "source": _source_revision(),
    }


def data_digest(catalog: Catalog) -> str:
    """SHA-256 over each sample's split, class, path below the root and size in bytes, in catalog order."""
    digest = hashlib.sha256()
    for sample in catalog.samples:
        path = sample.path.relative_to(catalog.root) if sample.path.is_relative_to(catalog.root) else sample.path
        size = sample.path.stat().st_size if sample.path.exists() else -1
        line = f"{sample.split}|{catalog.class_names[sample.label]}|{path.as_posix()}|{size}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _source_revision() -> str | None:
    """The git commit of a source checkout, marked where it is changed; None for an installed package."""
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

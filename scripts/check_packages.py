"""Build the source archive and, from it, the wheel; install both in empty environments and test them.

``make packages PYTHONS="python3.10 python3.11 python3.12"`` runs it before a release. Each environment gets the extra
``train`` (3 GB), generates photos, trains on them for two epochs, evaluates and predicts.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD_SDIST = "import sys, hatchling.build as backend; print(backend.build_sdist(sys.argv[1]))"
BUILD_WHEEL = "import sys, hatchling.build as backend; print(backend.build_wheel(sys.argv[1]))"
STEPS = (
    ("--version",),
    ("generate", "--classes", "4", "--images", "80", "--set", "layout=folder", "--out", "photos"),
    ("train", "photos", "--recipe", "demo", "--epochs", "2", "--out", "run"),
    ("evaluate", "run", "photos"),
    ("predict", "run", "photos/test", "--out", "predictions.csv"),
)


def build(folder: Path) -> tuple[Path, Path]:
    """Build the source archive of this tree, and the wheel from the unpacked archive. Return both paths."""
    source = folder / _last_line([sys.executable, "-c", BUILD_SDIST, folder], ROOT)
    with tarfile.open(source) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return source, folder / _last_line([sys.executable, "-c", BUILD_WHEEL, folder], unpacked)


def use(python: str, package: Path, place: Path) -> None:
    """Install a package in an empty environment of this Python, and run `STEPS` with it."""
    subprocess.run([python, "-m", "venv", place / "venv"], check=True)
    binaries = place / "venv" / "bin"
    pip = [binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{package}[train]"], check=True)
    for words in STEPS:
        subprocess.run([binaries / "shelfmind", *words], cwd=place, check=True, capture_output=words != STEPS[0])


def main(pythons: Sequence[str]) -> None:
    """Check both packages with each given Python."""
    with tempfile.TemporaryDirectory() as folder:
        source, wheel = build(Path(folder))
        for python in pythons:
            for package in (wheel, source):
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    use(python, package, Path(place))
                print(f"{python}: {package.name} installs, trains, evaluates and predicts", flush=True)


def _last_line(command: Sequence[object], cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, check=True, capture_output=True, text=True)
    return done.stdout.split()[-1]


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])

"""The main job from beginning to end: data, train, evaluate, predict, report. Run it with `make demo`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

COMMAND = Path(sys.executable).with_name("shelfmind")
DEMO = Path("demo")
MINUTES = 5.0


def main() -> int:
    """Train on the folder given as the only argument, or on drawn packages; returns the exit status."""
    began = time.monotonic()
    own = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    run = DEMO / ("run-own" if own else "run")
    data = own or _drawn_packages(DEMO / "photos")
    shutil.rmtree(run, ignore_errors=True)
    _shelfmind("train", data, "--recipe", "demo", "--max-minutes", MINUTES, "--out", run)
    _shelfmind("evaluate", run, data, "--json", DEMO / "metrics.json")
    predictions = DEMO / "predictions.csv"
    _shelfmind("predict", run, data / "test" if (data / "test").is_dir() else data, "--out", predictions)
    print(f"\ndone in {(time.monotonic() - began) / 60:.1f} minutes")
    for name, path in (("report", run / "report.html"), ("run", run), ("predictions", predictions)):
        print(f"  {name + ':':<13}{path.resolve()}")
    return 0


def _drawn_packages(folder: Path) -> Path:
    if not folder.exists():
        from shelfmind.data.shelf_generator import generate

        print(f"drawing product photos into {folder}", flush=True)
        generate(folder)
    return folder


def _shelfmind(*arguments: object) -> None:
    words = [str(argument) for argument in arguments]
    print("\n$ shelfmind " + " ".join(words), flush=True)
    status = subprocess.run([str(COMMAND), *words], check=False, env=os.environ).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    sys.exit(main())

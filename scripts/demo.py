"""Run the main workflow: generate data, train, evaluate, predict, report. Started by `make demo`."""

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
GENERATED = ("--test-fraction", 0.2, "--tail", 0.4, "--size", "130-225", "--set", "family_size=3")


def main() -> int:
    """Train on the folder given as the only argument, or on synthetic photos. Returns the exit status."""
    began = time.monotonic()
    own = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    run = DEMO / ("run-own" if own else "run")
    data = own or _generated_photos(DEMO / "photos")
    shutil.rmtree(run, ignore_errors=True)
    _shelfmind("train", data, "--recipe", "demo", "--max-minutes", MINUTES, "--out", run)
    _shelfmind("evaluate", run, data, "--json", DEMO / "metrics.json")
    predictions = DEMO / "predictions.csv"
    test = next((data / place for place in ("test", "all/test") if (data / place).is_dir()), data)
    _shelfmind("predict", run, test, "--out", predictions)
    print(f"\nDone in {(time.monotonic() - began) / 60:.1f} minutes")
    for name, path in (("report", run / "report.html"), ("run", run), ("predictions", predictions)):
        print(f"  {name + ':':<13}{path.resolve()}")
    return 0


def _generated_photos(folder: Path) -> Path:
    if not folder.exists():
        _shelfmind("generate", "--classes", 12, "--images", 480, *GENERATED, "--out", folder)
    return folder


def _shelfmind(*arguments: object) -> None:
    words = [str(argument) for argument in arguments]
    print("\n$ shelfmind " + " ".join(words), flush=True)
    status = subprocess.run([str(COMMAND), *words], check=False, env=os.environ).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    sys.exit(main())

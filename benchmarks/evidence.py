"""Keep the results of ablations, so that their tables can be resumed elsewhere without weights.

    python benchmarks/evidence.py DIR...
    cp -r benchmarks/ablations/evidence DIR && shelfmind ablate TABLE --out DIR ...

The first command adds the results and costs of all finished runs of folders of `shelfmind ablate` to
benchmarks/ablations/evidence. With a copy of it as --out, `ablate` trains only what it does not contain.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from command import exit_status, parser_of

from shelfmind.ablation.store import RESULTS, RUNS
from shelfmind.errors import UserError

EVIDENCE = Path(__file__).parent / "ablations" / "evidence"


def main() -> None:
    """Copy what is new."""
    parser = parser_of(__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    for folder in parser.parse_args().folders:
        if not (folder / RESULTS).is_dir():
            raise UserError(f"{folder} is not a folder of shelfmind ablate")
        added = 0
        for file in [*sorted((folder / RESULTS).glob("*.npz")), *finished_runs(folder)]:
            kept = EVIDENCE / file.relative_to(folder)
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, kept)
                added += 1
        print(f"{folder}: {added} files added")


def finished_runs(folder: Path) -> list[Path]:
    """The files that describe finished runs and their costs."""
    costs = sorted((folder / RUNS).glob("*/cost.json"))
    done = [path.parent for path in costs if json.loads(path.read_text(encoding="utf-8"))["done"]]
    return [file for run in done for file in (run / "cost.json", run / "step.json") if file.is_file()]


if __name__ == "__main__":
    sys.exit(exit_status(main))

"""Copy the averaged weights of a run on synthetic products into the package, with a record of how to reproduce them.

    shelfmind generate --classes 10000 --images 400000 --seed 15 ... --out synthetic   # settings: "drawn" in the record
    shelfmind train synthetic --recipe generated_weights --seed 15 --out run
    .venv/bin/python scripts/renew_generated_weights.py run

The classifier is left out. Convolutions are stored in 16 bits, everything else in 32.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from shelfmind.machine.device import start_mindspore

start_mindspore("CPU")

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from shelfmind.machine.checksums import file_sha256  # noqa: E402
from shelfmind.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint  # noqa: E402
from shelfmind.models.generated import FOLDER  # noqa: E402
from shelfmind.models.weights import CLASSIFIERS  # noqa: E402
from shelfmind.runs.folder import RunFolder, read_json  # noqa: E402


def _stored(array: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
    return array.astype(np.float16) if array.ndim > 1 else array


def _fonts(generated: dict[str, Any]) -> list[dict[str, str]]:
    """Return the fonts used, without their folders."""
    fonts = [font for kind in generated["fonts"].values() for font in kind]
    return [{"file": Path(font["file"]).name, "sha256": font["sha256"]} for font in fonts]


def record(run: RunFolder, weights: Path) -> dict[str, Any]:
    """Return how the weights were made: generator settings, recipe, seed, versions and validation accuracy."""
    provenance = read_json(run.provenance)
    data = provenance["data"]
    generated = read_json(Path(data["path"]) / "generation.json")
    last = run.read_log()[-1]
    return {
        "sha256": file_sha256(weights),
        "drawn": generated["settings"],
        "fonts": _fonts(generated),
        "images": data["images"],
        "classes": data["classes"],
        "data_digest": data["digest"],
        "seed": provenance["seed"],
        "recipe": json.loads(run.read_recipe().model_dump_json()),
        "val_top1": last["val_top1"],
        "versions": provenance["versions"],
        "source": provenance["source"],
        "created": provenance["created"],
    }


def main() -> None:
    """Write the weights and the record."""
    run = RunFolder(Path(sys.argv[1]))
    network = run.read_recipe().model.name
    arrays = load_checkpoint(run.weights).arrays
    kept = {name: _stored(array) for name, array in arrays.items() if not name.startswith(CLASSIFIERS)}
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{network}.ckpt"
    save_checkpoint(path, Checkpoint(kept, network))
    path.chmod(0o644)
    told = json.dumps(record(run, path), indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(told + "\n", encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(kept)} tensors")


if __name__ == "__main__":
    main()

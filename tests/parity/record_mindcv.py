"""Records MindCV's parameter names and what its networks give for made-up weights: run with `make parity`.

A checkpoint that MindCV's networks are saved to is also loaded into ours, which must then give the same.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from filling import CLASSES, RESNETS, fill_mindspore, made_up_images

from shelfmind.machine.device import start_mindspore

mindspore = start_mindspore("CPU")

import mindcv  # noqa: E402

from shelfmind.models import create_model  # noqa: E402

SIZE = 64


def main() -> None:
    """Write the file given as the only argument."""
    images = mindspore.Tensor(made_up_images(SIZE))
    recorded: dict[str, Any] = {"mindcv": mindcv.__version__, "size": SIZE, "models": {}}
    for ours, theirs in RESNETS.items():
        model = mindcv.create_model(theirs, num_classes=CLASSES)
        fill_mindspore(model)
        model.set_train(False)
        logits = model(images).asnumpy()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "written_by_mindcv.ckpt"
            mindspore.save_checkpoint(model, str(path))
            loaded = create_model(ours, CLASSES, weights=path)
        loaded.set_train(False)
        difference = float(np.abs(loaded(images)[0].asnumpy() - logits).max() / np.abs(logits).max())
        print(f"{ours}: greatest difference {difference:.1e}", flush=True)
        if difference > 1e-4:
            sys.exit(f"{ours} differs from MindCV's {theirs}")
        names = {parameter.name: list(parameter.shape) for parameter in model.get_parameters()}
        recorded["models"][ours] = {"names": names, "logits": logits.tolist()}
    Path(sys.argv[1]).write_text(json.dumps(recorded) + "\n")


if __name__ == "__main__":
    main()

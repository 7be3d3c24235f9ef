"""Weights that come with shelfmind, trained on drawn shelves alone: a warm start for products with few photos.

Beside each file lies a record of the same name (``.json``), by which it can be repeated: what was drawn, the recipe,
the seed and the versions. `scripts/renew_generated_weights.py` writes both.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from shelfmind.errors import UserError

NAME = "generated"
FOLDER = Path(str(resources.files("shelfmind.models").joinpath("generated_weights")))


def generated_models() -> list[str]:
    """The networks that there are generated weights for."""
    return sorted(path.stem for path in FOLDER.glob("*.ckpt"))


def find_generated(model: str) -> Path:
    """The file of the generated weights of a network.

    Raises:
        UserError: there are none for it.
    """
    path = FOLDER / f"{model}.ckpt"
    if not path.exists():
        raise UserError(f"no {NAME} weights for {model}, only for {', '.join(generated_models())}")
    return path

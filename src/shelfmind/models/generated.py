"""Weights shipped with shelfmind, trained on synthetic shelf photos only: a warm start for products with few photos.

Next to each file is a record of the same name (``.json``) for reproduction: the data settings, the recipe, the seed and
the versions. `scripts/renew_generated_weights.py` writes both.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from shelfmind.errors import UserError, setting

NAME = "generated"
FOLDER = Path(str(resources.files("shelfmind.models").joinpath("generated_weights")))


def generated_models() -> list[str]:
    """The networks with generated weights."""
    return sorted(path.stem for path in FOLDER.glob("*.ckpt"))


def find_generated(model: str) -> Path:
    """The file of the generated weights of a network.

    Raises:
        UserError: there are none for this network.
    """
    path = FOLDER / f"{model}.ckpt"
    if not path.exists():
        raise UserError(
            f"no {NAME} weights for {model}, only for {', '.join(generated_models())}; add "
            f"{setting('model.name', generated_models()[0])}"
        )
    return path

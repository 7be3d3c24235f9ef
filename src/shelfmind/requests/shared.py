"""Arguments that several verbs share, and checks of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shelfmind.errors import UserError
from shelfmind.requests.request import Flag, Incidental, Positional


def _views(value: Any) -> Any:
    """The parts of ``flip,centre``; none of ``none``."""
    if not isinstance(value, str):
        return value
    return tuple(name.strip() for name in value.split(",") if name.strip() and name.strip() != "none")


Data = Annotated[
    Path,
    Positional(),
    Incidental,
    Field(description="data set: a folder of class folders, RP2K, a csv, or Grocery Store"),
]
"""The record of an outcome has the data's digest."""
Run = Annotated[Path, Positional(), Field(description="a run folder that `shelfmind train` made")]
Format = Annotated[
    str | None, Incidental, Field(description="folder, rp2k, csv or grocery_store; found out if not given")
]
MaxBadFraction = Annotated[float, Field(ge=0, le=1, description="share of unusable files above which to stop")]
Overrides = Annotated[tuple[str, ...], Flag("--set", metavar="KEY=VALUE"), Field(description="change the recipe")]
Tta = Annotated[
    tuple[str, ...] | None,
    Flag(metavar="VIEW,...", repeated=False),
    BeforeValidator(_views),
    Field(description="views to average, such as flip,centre; none for the plain image alone"),
]


def require_path(path: Path) -> None:
    """Raises `UserError` naming the nearest folder that does exist if `path` does not."""
    path = path.expanduser()
    try:
        if path.exists():
            return
        near = next((parent for parent in path.absolute().parents if parent.exists()), None)
    except (OSError, ValueError) as error:  # a folder above that may not be searched; a name too long
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    hint = f" (the nearest folder that exists is {near})" if near else ""
    raise UserError(f"no such file or folder: {path}{hint}")

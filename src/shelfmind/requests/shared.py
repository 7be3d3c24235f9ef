"""Arguments shared by several verbs, and their checks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shelfmind.choices import names_in
from shelfmind.errors import UserError, argument, call, unknown_name
from shelfmind.requests.request import ONE_OR_MORE, Flag, Incidental, Positional
from shelfmind.urls import is_url

RUN_FILE = "recipe.yaml"
PROVENANCE_FILE = "provenance.json"
"""Present in every run folder from the start."""
STATE_FILE = "state.ckpt"
"""The complete training state, from the first checkpoint of a run on."""
MAX_BAD_FRACTION = 0.01
MAX_BATCH = 1024


def _views(value: Any) -> Any:
    """Split ``flip,centre`` into its parts; ``none`` gives no part."""
    if not isinstance(value, str):
        return value
    return tuple(name.strip() for name in value.split(",") if name.strip() and name.strip() != "none")


DATA_SET = (
    "Data set: a folder of class folders, RP2K, a CSV list, Grocery Store, WebDataset tar shards, or Parquet files of "
    "Hugging Face datasets; a folder, a file, or a URL such as s3://BUCKET/FOLDER."
)
Data = Annotated[Path, Positional(), Incidental, Field(description=DATA_SET)]
"""The record of an outcome holds the digest of the data instead."""
Run = Annotated[Path, Positional(), Field(description="Run folder made by `shelfmind train`.")]
NewRun = Annotated[Path, Incidental, Field(description="Run folder to create.")]
_FORMATS = ", ".join(names_in("data.sources:SOURCES"))
Format = Annotated[
    str | None, Incidental, Field(description=f"Format of the data set: {_FORMATS}. Detected by default.")
]
MaxBadFraction = Annotated[float, Field(ge=0, le=1, description="Stop if a larger share of the files is unusable.")]
Overrides = Annotated[
    tuple[str, ...], Flag("--set", metavar="KEY=VALUE"), Field(description="Override a recipe value.")
]
MaxMinutes = Annotated[
    float | None,
    Field(
        gt=0,
        description="Time budget in minutes, from when MindSpore has started; on an idle machine it includes the final "
        "evaluation. The learning-rate schedule is scaled to fit it.",
    ),
]
AllowSeen = Annotated[
    bool, Field(description="Continue even if the run was, or may have been, trained on some of the images.")
]


def _engine(wanted: str) -> str:
    """An engine, optionally followed by a colon and a precision."""
    name, colon, precision = wanted.partition(":")
    of_files = names_in("inference.engines.choice:ENGINES")
    _require_known("engine", name, (*names_in("inference.engines.choice:OWN"), *of_files))
    if colon and name not in of_files:
        raise ValueError(f"{name} takes no precision; choose an engine for exported files, such as openvino:int8")
    if colon:
        _require_known("precision", precision, names_in("machine.instructions:PRECISIONS"))
    return wanted


def _require_known(kind: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise ValueError(str(unknown_name(kind, name, names)))


Engine = Annotated[
    str,
    AfterValidator(_engine),
    Field(
        description="Inference engine: mindspore, onnx, openvino, mindir, or auto (the fastest one that the run "
        "was exported for). Append a precision as in openvino:int8."
    ),
]
Rules = Annotated[str | None, Field(description="Rule set to enforce: contest (MindSpore is the only engine).")]


def _batch(value: Any) -> Any:
    """Validate a number of images, or ``auto``."""
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if number not in (None, "auto") and not (type(number) is int and 1 <= number <= MAX_BATCH):
        raise ValueError(f"must be auto or a number of images from 1 to {MAX_BATCH}, got '{value}'")
    return number


Batch = Annotated[
    int | str | None,
    Incidental,
    Flag(metavar="<int|auto>"),
    BeforeValidator(_batch),
    Field(
        description="Batch size per core (MindSpore: in total). Defaults to 8 (MindSpore: the recipe's). auto "
        "measures the fastest size on this machine once and remembers it."
    ),
]
Decode = Annotated[
    Literal["exact", "fast"],
    Field(description="JPEG decoding: exact, as in training, or fast (large JPEGs are decoded at reduced size)."),
]
Ray = Annotated[
    str | None,
    Incidental,
    Flag(metavar="ADDRESS"),
    Field(
        description="Ray cluster to compute on: auto (the one that this machine is part of), HOST:PORT, or local "
        "(starts one on this machine). By default no cluster is used. Needs shelfmind[ray]."
    ),
]
Workers = Annotated[
    int | None,
    Incidental,
    Field(
        ge=1,
        description="Number of worker processes on the Ray cluster, which share its cores evenly. Defaults to one per "
        "host.",
    ),
]
Tta = Annotated[
    tuple[str, ...] | None,
    Flag(metavar="VIEW,...", repeated=False),
    BeforeValidator(_views),
    Field(
        description="Test-time augmentation views to average, such as flip,centre. none: the plain image only. "
        "Defaults to the recipe's views."
    ),
]


def _named(value: Any) -> Any:
    """Reject arrays and image objects: they have no file name for the table."""
    if any(hasattr(each, "shape") or hasattr(each, "getbands") for each in (value, *_first(value))):
        raise UserError(
            f"{argument('paths')} must be file names; for images in memory (NumPy arrays, Pillow images, encoded "
            "bytes) use shelfmind.load(run).predict"
        )
    return value


def _first(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else ()


Images = Annotated[tuple[str, ...], Positional("PATH..."), ONE_OR_MORE, BeforeValidator(_named)]


def require_path(path: Path) -> None:
    """Raise `UserError` if `path` does not exist; the message gives the closest existing parent folder."""
    if is_url(path):  # the store is asked when it is read
        return
    path = path.expanduser()
    try:
        if path.exists():
            return
        near = next((parent for parent in path.absolute().parents if parent.exists()), None)
    except (OSError, ValueError) as error:  # a parent folder without search permission, or a name that is too long
        raise UserError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    similar = None if near is None else _similar_name(near, path)
    meant = "" if similar is None else f"; did you mean {similar}?"
    hint = "" if near is None else f" (closest existing folder: {near}{meant})"
    raise UserError(f"no such file or folder: {path}{hint}")


def _similar_name(folder: Path, path: Path) -> str | None:
    """The entry of `folder` with a name similar to the first part of `path` that does not exist; None if there is
    none."""
    from difflib import get_close_matches

    missing = path.absolute().relative_to(folder).parts[0]
    try:
        names = os.listdir(folder)
    except OSError:
        return None
    return next(iter(get_close_matches(missing, names, n=1)), None)


def _similar_run(root: Path) -> Path | None:
    """The run folder with a path similar to `root`; None if there is none."""
    near = next((parent for parent in root.parents if parent.is_dir()), None)
    similar = None if near is None else _similar_name(near.absolute(), root)
    if near is None or similar is None:
        return None
    found = near.joinpath(similar, *root.relative_to(near).parts[1:])
    return found if (found / RUN_FILE).is_file() else None


def require_run(root: Path) -> None:
    """Raise `UserError` if `root` is not a run folder."""
    if root.is_file():
        raise UserError(f"{root} is a file, but a run folder is needed, as created by {call('train')}")
    if not root.is_dir():
        similar = _similar_run(root)
        meant = "; " if similar is None else f"; did you mean {similar}? Otherwise, "
        how = call("train", data="DATA", out=str(root))
        raise UserError(f"there is no run at {root}{meant}create one with: {how}")
    if not (root / RUN_FILE).is_file():
        raise UserError(f"{root} is not a run folder: it has no {RUN_FILE}")


def require_run_or_file(place: Path) -> None:
    """Raise `UserError` if `place` is neither a run folder nor a file (which may be an exported run)."""
    if place.is_file():
        return
    form = place.suffix.removeprefix(".")
    if form in names_in("inference.exported:CARRIERS") and not place.exists():
        how = call("export", run="RUN", format=form, out=str(place))
        raise UserError(f"there is no file {place}; create it with: {how}")
    require_run(place)


def require_cluster(ray: str | None, workers: int | None) -> None:
    """Raise `UserError` for a number of workers without a cluster."""
    if workers is not None and ray is None:
        raise UserError(f"{argument('workers')} needs {argument('ray')}, the cluster that they work on")


def require_one_length(epochs: int | None, max_minutes: float | None) -> None:
    """Raise `UserError` if both a number of epochs and a time budget are given."""
    if epochs is not None and max_minutes is not None:
        raise UserError(
            f"{argument('epochs')} and {argument('max_minutes')} cannot be combined; limit the training by one of them"
        )

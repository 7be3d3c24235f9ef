"""Arguments that several verbs share, and checks of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shelfmind.choices import names_in
from shelfmind.errors import UserError, argument, call, unknown_name
from shelfmind.requests.request import ONE_OR_MORE, Flag, Incidental, Positional

RUN_FILE = "recipe.yaml"
"""What every run folder has from its beginning."""
MAX_BAD_FRACTION = 0.01
MOST_AT_ONCE = 1024


def _views(value: Any) -> Any:
    """The parts of ``flip,centre``; none of ``none``."""
    if not isinstance(value, str):
        return value
    return tuple(name.strip() for name in value.split(",") if name.strip() and name.strip() != "none")


DATA_SET = "data set: a folder of class folders, RP2K, a csv, or Grocery Store"
Data = Annotated[Path, Positional(), Incidental, Field(description=DATA_SET)]
"""The record of an outcome has the data's digest."""
Run = Annotated[Path, Positional(), Field(description="a run folder that `shelfmind train` made")]
NewRun = Annotated[Path, Incidental, Field(description="run folder to make")]
_FORMATS = ", ".join(names_in("data.sources:SOURCES"))
Format = Annotated[str | None, Incidental, Field(description=f"one of {_FORMATS}; found out if not given")]
MaxBadFraction = Annotated[float, Field(ge=0, le=1, description="share of unusable files above which to stop")]
Overrides = Annotated[tuple[str, ...], Flag("--set", metavar="KEY=VALUE"), Field(description="change the recipe")]
MaxMinutes = Annotated[
    float | None, Field(gt=0, description="fit the whole schedule into this time instead of a number of epochs")
]
AllowSeen = Annotated[bool, Field(description="go on with images that the run was trained on, or may have been")]


def _engine(wanted: str) -> str:
    """An engine, perhaps with a precision behind a colon."""
    name, colon, precision = wanted.partition(":")
    of_files = names_in("inference.engines.choice:ENGINES")
    _require_known("engine", name, (*names_in("inference.engines.choice:OWN"), *of_files))
    if colon and name not in of_files:
        raise ValueError(f"{name} takes no precision; name an engine of exported files, such as openvino:int8")
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
        description="what computes: mindspore, onnx, openvino, mindir, or auto, the fastest that the run was exported "
        "for; openvino:int8 names a precision, too"
    ),
]
Rules = Annotated[
    str | None, Field(description="keep these terms: contest, under which MindSpore computes and nothing else")
]


def _batch(value: Any) -> Any:
    """A number of images, or ``auto``."""
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if number not in (None, "auto") and not (type(number) is int and 1 <= number <= MOST_AT_ONCE):
        raise ValueError(f"must be auto or a number of images from 1 to {MOST_AT_ONCE}, got '{value}'")
    return number


Batch = Annotated[
    int | str | None,
    Incidental,
    Flag(metavar="<int|auto>"),
    BeforeValidator(_batch),
    Field(
        description="images computed at once on each core (MindSpore: on all); auto measures which number is fastest "
        "here, and remembers it"
    ),
]
Decode = Annotated[
    Literal["exact", "fast"],
    Field(description="exact, as for training, or fast: JPEGs far larger than the network needs are decoded smaller"),
]
Tta = Annotated[
    tuple[str, ...] | None,
    Flag(metavar="VIEW,...", repeated=False),
    BeforeValidator(_views),
    Field(description="views to average, such as flip,centre; none for the plain image alone"),
]


def _named(value: Any) -> Any:
    """Refuse images themselves: pixels have no name to write into a table."""
    if any(hasattr(each, "shape") or hasattr(each, "getbands") for each in (value, *_first(value))):
        raise UserError(
            f"{argument('paths')} must name files; shelfmind.load(run).predict takes images themselves: "
            "NumPy arrays, Pillow images and encoded bytes"
        )
    return value


def _first(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else ()


Images = Annotated[tuple[str, ...], Positional("PATH..."), ONE_OR_MORE, BeforeValidator(_named)]


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


def require_run(root: Path) -> None:
    """Raise `UserError` for a folder that is not a run."""
    if root.is_file():
        raise UserError(f"{root} is a file, and a run folder is needed, as {call('train')} makes it")
    if not root.is_dir():
        raise UserError(f"there is no run at {root}; make one with: {call('train', data='DATA', out=str(root))}")
    if not (root / RUN_FILE).is_file():
        raise UserError(f"{root} is not a run folder: it has no {RUN_FILE}")


def require_run_or_file(place: Path) -> None:
    """Raise `UserError` for what is neither a run folder nor a file, which may be an exported one."""
    if place.is_file():
        return
    form = place.suffix.removeprefix(".")
    if form in names_in("inference.exported:CARRIERS") and not place.exists():
        how = call("export", run="RUN", format=form, out=str(place))
        raise UserError(f"there is no file {place}; make one with: {how}")
    require_run(place)


def require_one_length(epochs: int | None, max_minutes: float | None) -> None:
    """Raise `UserError` for a number of epochs and a budget of minutes at once."""
    if epochs is not None and max_minutes is not None:
        raise UserError(
            f"choose one of {argument('epochs')} and {argument('max_minutes')}: "
            "either the epochs or the minutes end a training"
        )

"""Images to review, passed from the audit and the label check to the review: `suspects.jsonl`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError
from shelfmind.files import write_atomically
from shelfmind.structured_text import parse_json

MAX_NEIGHBOURS = 4
FILE_NAME = "suspects.jsonl"


@dataclass(frozen=True, slots=True)
class Suspect:
    """One image and why it is suspicious.

    `path` is relative to the data set's root (POSIX) if below it, else absolute, as are the paths in `neighbours` (the
    nearest images labelled `suggested`, or the near-duplicates) and `given_neighbours` (typical images of the given
    class), at most four each. `given` and `suggested` are class names; `suggested` is None if no class fits or is
    known. `score` is in 0..1, 1 the most suspicious.
    """

    path: str
    split: str
    given: str
    suggested: str | None
    kind: str
    score: float
    detail: str = ""
    neighbours: tuple[str, ...] = ()
    given_neighbours: tuple[str, ...] = ()


def write_suspects(path: Path, suspects: Iterable[Suspect]) -> None:
    """Write one JSON object per line, worst first (ties in the given order), atomically.

    File names that are not UTF-8 are escaped, so that the file is always UTF-8. Raises `ValueError` for a score outside
    0..1 and `UserError` if the file cannot be written.
    """
    ranked = sorted(suspects, key=lambda suspect: -suspect.score)
    for suspect in ranked:
        if not 0.0 <= suspect.score <= 1.0:
            raise ValueError(f"the score of {suspect.path} must lie between 0 and 1, got {suspect.score}")
    write_atomically(path, lambda temporary: _fill(temporary, ranked))


def read_suspects(path: Path) -> list[Suspect]:
    """Read a file written by `write_suspects`, in its order.

    Raises `UserError` with the line number for anything that cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    return [_parsed(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _fill(path: Path, suspects: Iterable[Suspect]) -> None:
    with open(path, "wb") as stream:
        for suspect in suspects:
            stream.write(_line(asdict(suspect)))


def _line(record: dict[str, Any]) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # a file name that is not UTF-8
        return json.dumps(record).encode("ascii") + b"\n"


def _parsed(path: Path, number: int, line: bytes) -> Suspect:
    try:
        record = parse_json(line)
        suspect = Suspect(
            path=_text(record["path"]),
            split=_text(record["split"]),
            given=_text(record["given"]),
            suggested=None if record["suggested"] is None else _text(record["suggested"]),
            kind=_text(record["kind"]),
            score=float(record["score"]),
            detail=_text(record.get("detail", "")),
            neighbours=tuple(_text(each) for each in record.get("neighbours", ())),
            given_neighbours=tuple(_text(each) for each in record.get("given_neighbours", ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}, line {number}: not a suspect ({_reason(error)}); create the file again") from error
    if not (math.isfinite(suspect.score) and 0.0 <= suspect.score <= 1.0):
        raise UserError(
            f"{path}, line {number}: the score must lie between 0 and 1, got {suspect.score}; create the file again"
        )
    return suspect


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} must be text")
    return value


def _reason(error: Exception) -> str:
    return f"no '{error.args[0]}'" if isinstance(error, KeyError) else str(error)

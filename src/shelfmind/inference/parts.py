"""Long jobs in parts: each finished part is kept, so that an interrupted job resumes, and all are joined at the end."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shelfmind.files import make_folder, require_free_folder, write_bytes
from shelfmind.images.photo_files import found_statuses
from shelfmind.inference.predictor import Predictor
from shelfmind.runs.plans import keep_plan

T = TypeVar("T")
Results = Callable[[Iterator[tuple[int, Sequence[T]]]], Iterable[tuple[int, bytes]]]
"""Computes the content of the files of numbered parts, in any order: `here`, or on a cluster."""


@dataclass(frozen=True)
class Item:
    """One image of a job; class and split are None unless it comes from a data set."""

    path: str
    class_name: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Parts:
    """The finished parts of a job next to its output `out`, in a folder that is deleted at the end.

    `plan` holds everything that determines the outcome, see `keep_plan`; parts of another plan are not continued.
    `suffix` is that of the files of the parts.
    """

    out: Path
    plan: Mapping[str, Any]
    suffix: str

    @property
    def folder(self) -> Path:
        """The folder of the parts."""
        return self.out.with_name(f"{self.out.name}.parts")

    def part(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"{number:06d}{self.suffix}"

    def open(self) -> None:
        """Create the folder, or continue an earlier attempt.

        Raises:
            UserError: the folder is of another job, has other files, or cannot be written.
        """
        make_folder(self.folder)
        if not (self.folder / "plan.json").exists():  # a killed process was deleting the parts of a finished job
            for part in self.finished():
                part.unlink(missing_ok=True)
            temporary = frozenset(path.name for path in self.folder.glob(".*"))
            require_free_folder(self.folder, ours=temporary, overwrite=True)
        keep_plan(self.folder / "plan.json", self.plan)

    def run(self, items: Sequence[T], size: int, results: Results[T]) -> Iterator[int]:
        """Let `results` compute the parts of up to `size` items that are not finished, and keep each.

        Yields first the number of items in parts that were finished before, then that of each further part.
        """
        starts = range(0, len(items), size)
        waiting = [number for number in range(len(starts)) if not self.part(number).exists()]
        lengths = {number: min(size, len(items) - starts[number]) for number in waiting}
        if len(waiting) < len(starts):
            yield len(items) - sum(lengths.values())
        chunks = ((number, items[starts[number] : starts[number] + size]) for number in waiting)
        for number, content in results(chunks):
            write_bytes(self.part(number), content)
            yield lengths[number]

    def finished(self) -> list[Path]:
        """The files of all parts, in order."""
        return sorted(self.folder.glob(f"[0-9]*{self.suffix}"))

    def delete(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def here(compute: Callable[[Sequence[T]], bytes]) -> Results[T]:
    """Computes parts in this process, one after the other."""
    return lambda chunks: ((number, compute(chunk)) for number, chunk in chunks)


def plan_of(predictor: Predictor, items: Sequence[Item], data: str, decode: str, part_size: int) -> dict[str, Any]:
    """What determines the outputs of a network for images; `data` names them in messages."""
    files = hashlib.sha256()
    for item, status in zip(items, found_statuses([Path(item.path) for item in items]), strict=True):
        files.update(f"{item}|{status}\n".encode("utf-8", "surrogateescape"))
    return {
        "data": data,
        "digest": files.hexdigest(),
        "weights": predictor.checksum,
        "preparation": predictor.recipe.data.model_dump(mode="json"),
        "engine": predictor.engine.identity,
        "decode": decode,
        "part_size": part_size,
    }

"""Long jobs in parts: each finished part is kept, so that an interrupted job resumes, and all are joined at the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shelfmind.files import make_folder, write_atomically
from shelfmind.runs.plans import keep_plan

T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """The finished parts of a job next to its output `out`, in a folder that is deleted at the end.

    `plan` holds everything that determines the outcome, see `keep_plan`; parts of another plan are not continued.
    """

    out: Path
    plan: Mapping[str, Any]

    @property
    def folder(self) -> Path:
        """The folder of the parts."""
        return self.out.with_name(f"{self.out.name}.parts")

    def part(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"{number:06d}{self.out.suffix}"

    def open(self) -> None:
        """Create the folder, or continue an earlier attempt.

        Raises:
            UserError: the folder is of another job, or cannot be written.
        """
        make_folder(self.folder)
        if not (self.folder / "plan.json").exists():  # a killed process was deleting the parts of a finished job
            for part in self.finished():
                part.unlink(missing_ok=True)
        keep_plan(self.folder / "plan.json", self.plan)

    def run(self, items: Sequence[T], size: int, write: Callable[[Path, Sequence[T]], None]) -> Iterator[int]:
        """Let `write` write each part of up to `size` items to a temporary path; yields the number of items of each
        finished part, also of those from an earlier attempt."""
        for number, start in enumerate(range(0, len(items), size)):
            chosen = items[start : start + size]
            self._complete(number, chosen, write)
            yield len(chosen)

    def _complete(self, number: int, chosen: Sequence[T], write: Callable[[Path, Sequence[T]], None]) -> None:
        if not self.part(number).exists():
            write_atomically(self.part(number), lambda path: write(path, chosen))

    def finished(self) -> list[Path]:
        """The files of all parts, in order."""
        found = sorted(self.folder.glob(f"*{self.out.suffix}"))
        return [path for path in found if not path.name.startswith(".")]  # of a part that was being written

    def delete(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

"""Follow a log of decisions that other processes append to."""

from __future__ import annotations

import os
from pathlib import Path

from shelfmind.analysis.decisions import Decision, parse_lines, split_complete_lines
from shelfmind.errors import UserError


class Follower:
    """All decisions of a log so far. `refresh` reads only what has been appended since."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.decisions: list[Decision] = []
        self._offset = 0
        self._lines = 0
        self._file: tuple[int, int] | None = None

    def refresh(self) -> bool:
        """Read new complete lines and return whether the decisions changed. A missing log counts as empty.

        A log that was replaced or truncated is read from the start. Raises `UserError` for an invalid line.
        """
        before = self.decisions
        try:
            with open(self.path, "rb") as log:
                status = os.fstat(log.fileno())
                file = (status.st_dev, status.st_ino)
                if file != self._file or status.st_size < self._offset:
                    self._start_again(file)
                log.seek(self._offset)
                content = log.read()
        except FileNotFoundError:
            self._start_again(None)
            return bool(before)
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error.strerror or error}") from error
        finished, _ = split_complete_lines(content)
        new = parse_lines(self.path, finished, first=self._lines + 1)
        self._offset += len(finished)
        self._lines += finished.count(b"\n")
        dropped = bool(before) and not self.decisions
        self.decisions = [*self.decisions, *new]
        return bool(new) or dropped

    def _start_again(self, file: tuple[int, int] | None) -> None:
        self._offset, self._lines, self.decisions, self._file = 0, 0, [], file

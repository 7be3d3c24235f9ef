"""Follows a log of decisions to which other processes append as well."""

from __future__ import annotations

import os
from pathlib import Path

from shelfmind.analysis.decisions import Decision, parse_lines
from shelfmind.errors import UserError


class Follower:
    """All decisions of a log so far; `refresh` reads what has been appended since, at the cost of that alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.decisions: list[Decision] = []
        self._offset = 0
        self._lines = 0
        self._file: tuple[int, int] | None = None

    def refresh(self) -> bool:
        """Read the finished lines that are new, and say whether there are any; a missing log is an empty one.

        A log that was replaced or cut is read from its beginning. Raises `UserError` for a line that cannot be read.
        """
        try:
            with open(self.path, "rb") as log:
                status = os.fstat(log.fileno())
                file = (status.st_dev, status.st_ino)
                if file != self._file or status.st_size < self._offset:
                    self._offset, self._lines, self.decisions, self._file = 0, 0, [], file
                log.seek(self._offset)
                content = log.read()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error.strerror or error}") from error
        finished = content[: content.rfind(b"\n") + 1]  # the rest may still be being written
        if not finished:
            return False
        new = parse_lines(self.path, finished, first=self._lines + 1)
        self._offset += len(finished)
        self._lines += finished.count(b"\n")
        self.decisions = [*self.decisions, *new]
        return bool(new)

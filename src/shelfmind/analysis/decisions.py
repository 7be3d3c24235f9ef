"""Reviewers' decisions about suspects: an append-only, crash-safe log, and the resolution of conflicts."""

from __future__ import annotations

import errno
import json
import os
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError, argument
from shelfmind.files import reason, sync_folder
from shelfmind.nouns import counted
from shelfmind.structured_text import parse_json

try:
    import fcntl
except ImportError:  # Windows: relies on appending each line in one write
    fcntl = None  # type: ignore[assignment]

FILE_NAME = "review.jsonl"
KINDS = ("keep", "relabel", "drop", "others")
EXAMPLE = (
    '{"time": "2026-11-30T12:00:00Z", "reviewer": "Wang", "path": "train/a/1.jpg", "given": "a", '
    '"decision": "relabel", "label": "b", "id": "1"}'
)
"""A complete line of the log."""
CUT_LINE = "{path}: ignored an incomplete last line, left by a crash; that decision was never confirmed"


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the log: the decision of `reviewer` at `time` (ISO 8601, UTC) about the image at `path`.

    `path` and `given` (the class name at that time) are as in the suspects. `decision` is one of `KINDS`, `label` the
    new class of a relabel decision. Undoing a decision adds a line that names the decision's `id` in `undoes` and has
    the `decision` None.
    """

    time: str
    reviewer: str
    path: str
    given: str
    decision: str | None
    label: str | None
    id: str
    undoes: str | None = None

    def as_seen_by(self, reviewer: str) -> dict[str, Any]:
        """The decision as shown on the review page to `reviewer`."""
        return {
            "reviewer": self.reviewer,
            "mine": self.reviewer == reviewer,
            "decision": self.decision,
            "label": self.label,
            "time": self.time,
        }

    def __post_init__(self) -> None:
        if (self.decision is None) == (self.undoes is None):
            raise ValueError("a line must either decide or undo a decision")
        if self.decision is not None and self.decision not in KINDS:
            raise ValueError(f"the decision must be one of {', '.join(KINDS)}, got '{self.decision}'")
        if (self.decision == "relabel") != bool(self.label):
            raise ValueError("a relabel decision must name a new class, and no other decision may")

    @property
    def outcome(self) -> tuple[str | None, str | None]:
        """What two decisions must share to agree."""
        return self.decision, self.label


def decide(reviewer: str, path: str, given: str, decision: str, label: str | None = None) -> Decision:
    """A new decision, made now."""
    return Decision(_now(), reviewer, path, given, decision, label, uuid.uuid4().hex)


def take_back(decision: Decision, reviewer: str) -> Decision:
    """The line that undoes `decision`, made now."""
    return Decision(_now(), reviewer, decision.path, decision.given, None, None, uuid.uuid4().hex, decision.id)


def append_decision(path: Path, decision: Decision) -> None:
    """Append one line to the log and return once it is on disk; safe with concurrent processes.

    An incomplete line left by a crash is removed first. Raises `UserError` if the log cannot be written; the log is
    then unchanged.
    """
    line = decision_line(decision)
    try:
        is_new = not path.exists()
        with open(path, "ab+", buffering=0) as log, _locked(log.fileno()):
            end = _end_of_complete_lines(log.fileno())
            try:
                written = os.write(log.fileno(), line)
                if written != len(line):  # what a full disk still takes
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(log.fileno())
            except OSError:
                os.ftruncate(log.fileno(), end)
                raise
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}; the decision was not saved") from error


def require_writable_log(path: Path) -> None:
    """Raise `UserError` early if the log cannot be appended to."""
    try:
        with open(path, "ab"):
            pass
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}; choose another {argument('log')}") from error


def read_decisions(path: Path, note: Callable[[str], None] | None = None) -> list[Decision]:
    """All lines of a log in order; an incomplete last line left by a crash is skipped and reported to `note`.

    Raises `UserError` with the line number for anything else that cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    whole, rest = split_complete_lines(content)
    if rest and note is not None:
        note(CUT_LINE.format(path=path))
    return parse_lines(path, whole)


def split_complete_lines(content: bytes) -> tuple[bytes, bytes]:
    """The complete lines of a log, and an incomplete line after them, which is empty in an intact log.

    A last line that lacks only its line break counts as complete.
    """
    end = content.rfind(b"\n") + 1
    rest = content[end:]
    return (content, b"") if _is_whole(rest) else (content[:end], rest)


def parse_lines(path: Path, content: bytes, first: int = 1) -> list[Decision]:
    """The decisions in complete lines; `first` is the line number of the first one in `path`."""
    numbered = enumerate(content.split(b"\n"), start=first)
    return [_parsed(path, number, line) for number, line in numbered if line.strip()]


def decision_line(decision: Decision) -> bytes:
    """A decision as a line of JSON; file names that are not UTF-8 are escaped, so that the log is always UTF-8."""
    return json.dumps(asdict(decision), ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def standing(decisions: Iterable[Decision]) -> dict[str, dict[str, Decision]]:
    """Each reviewer's last decision about each image that has not been undone: path -> reviewer -> decision.

    Undoing a decision restores the reviewer's previous decision on that image.
    """
    decisions = list(decisions)
    undone = {decision.undoes for decision in decisions}
    last: dict[str, dict[str, Decision]] = {}
    for decision in decisions:
        if decision.undoes is None and decision.id not in undone:
            last.setdefault(decision.path, {})[decision.reviewer] = decision
    return last


def resolve(decisions: Sequence[Decision], prefer: Sequence[str] = (), latest: bool = False) -> dict[str, Decision]:
    """The final decision on each image by path, in the order in which the images were first decided.

    If reviewers disagree, the first reviewer in `prefer` who decided wins, else the latest decision if `latest`. Raises
    `UserError` that names both reviewers if neither rule applies, or for a preferred reviewer without decisions.
    """
    reviewers = {decision.reviewer for decision in decisions}
    for name in prefer:
        if name not in reviewers:
            raise UserError(
                f"the reviewer '{name}' has made no decisions; reviewers with decisions: {', '.join(sorted(reviewers))}"
            )
    order = {decision.id: position for position, decision in enumerate(decisions)}
    settled: dict[str, Decision] = {}
    open_cases: list[tuple[Decision, Decision]] = []
    for path, of in standing(decisions).items():
        made = sorted(of.values(), key=lambda decision: (decision.time, order[decision.id]))
        preferred = next((of[name] for name in prefer if name in of), None)
        settled[path] = preferred or made[-1]
        other = next((each for each in made if each.outcome != made[-1].outcome), None)
        if other is not None and preferred is None and not latest:
            open_cases.append((other, made[-1]))
    if open_cases:
        raise UserError(_contradiction(open_cases))
    return settled


def _contradiction(cases: Collection[tuple[Decision, Decision]]) -> str:
    first, second = next(iter(cases))
    more = f", and {counted(len(cases) - 1, 'more image')}" if len(cases) > 1 else ""
    return (
        f"reviewers disagree: {first.path}: {first.reviewer} says {_quoted(first)}, "
        f"{second.reviewer} says {_quoted(second)}{more}; change or undo one decision in the review, "
        f"prefer a reviewer with {argument('prefer', ['NAME'])}, or the latest with {argument('prefer_latest', True)}"
    )


def _quoted(decision: Decision) -> str:
    return f"'{decision.label}'" if decision.decision == "relabel" else str(decision.decision)


@contextmanager
def _locked(handle: int) -> Iterator[None]:
    """Lock the file against other processes."""
    if fcntl is None:
        yield
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)


def _end_of_complete_lines(handle: int) -> int:
    """Remove an incomplete line left by a crash, terminate a complete one, and return the end of the log."""
    size = os.fstat(handle).st_size
    if size == 0:
        return 0
    os.lseek(handle, size - 1, os.SEEK_SET)
    if os.read(handle, 1) == b"\n":
        return size
    os.lseek(handle, 0, os.SEEK_SET)
    with open(handle, "rb", closefd=False) as log:
        content = log.read()
    whole, rest = split_complete_lines(content)
    if rest:
        os.ftruncate(handle, len(whole))
        return len(whole)
    return size + os.write(handle, b"\n")


def _is_whole(line: bytes) -> bool:
    try:
        _decision(parse_json(line))
    except (ValueError, TypeError, KeyError):
        return False
    return True


def _parsed(path: Path, number: int, line: bytes) -> Decision:
    try:
        return _decision(parse_json(line))
    except (ValueError, TypeError, KeyError) as error:
        reason = f"no '{error.args[0]}'" if isinstance(error, KeyError) else str(error)
        raise UserError(
            f"{path}, line {number}: not a decision ({reason}); fix or remove that line. A line looks like {EXAMPLE}"
        ) from error


def _decision(record: Any) -> Decision:
    if not isinstance(record, dict):
        raise TypeError("it must be a JSON object")

    def text(key: str) -> str:
        if not isinstance(record[key], str):
            raise TypeError(f"'{key}' must be text")
        return str(record[key])

    def optional(key: str) -> str | None:
        return None if record.get(key) is None else text(key)

    return Decision(
        time=text("time"),
        reviewer=text("reviewer"),
        path=text("path"),
        given=text("given"),
        decision=optional("decision"),
        label=optional("label"),
        id=text("id"),
        undoes=optional("undoes"),
    )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")

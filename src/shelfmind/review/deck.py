"""The suspects under review and all reviewers' decisions: the page's queries and updates."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from shelfmind.analysis.decisions import KINDS, append_decision, decide, standing, take_back
from shelfmind.analysis.suspects import Suspect
from shelfmind.data.classes import normalise_class_name
from shelfmind.errors import UserError, argument
from shelfmind.review.audit_folder import AuditFolder
from shelfmind.review.following import Follower

MAX_CARDS = 100
MAX_EXAMPLES = 4
_MAX_NAME_LENGTH = 200


class Deck:
    """The state of one reviewer's page. Suspects, images and classes are identified by number. Thread-safe."""

    def __init__(self, audit: AuditFolder, reviewer: str, log: Path, language: str | None = None) -> None:
        self.audit, self.reviewer, self.language = audit, reviewer, language
        self.log = Follower(log)
        self._lock = threading.RLock()
        self.images: list[str] = []
        self._image_numbers: dict[str, int] = {}
        self._suspects_at: dict[str, list[int]] = {}
        self._examples: dict[str, dict[int, None]] = {}
        for number, suspect in enumerate(audit.suspects):
            self._suspects_at.setdefault(suspect.path, []).append(number)
            self._register_images(suspect)
        seen = dict.fromkeys(audit.class_names)
        for suspect in audit.suspects:
            seen |= dict.fromkeys(name for name in (suspect.given, suspect.suggested) if name is not None)
        self.class_names = list(seen)
        self._by_normal_name = {normalise_class_name(name).casefold(): name for name in self.class_names}
        self.log.refresh()
        self._standing = standing(self.log.decisions)

    def overview(self) -> dict[str, Any]:
        """Return everything the page needs before it shows a card: one list per column, one entry per suspect."""
        with self._lock:
            self._refresh()
            class_ids = {name: class_id for class_id, name in enumerate(self.class_names)}
            suspects = self.audit.suspects
            return {
                "reviewer": self.reviewer,
                "data": str(self.audit.root),
                "log": str(self.log.path),
                "language": self.language,
                "notice": self.audit.notice,
                "classes": self.class_names,
                "given": [class_ids[suspect.given] for suspect in suspects],
                "suggested": [None if each.suggested is None else class_ids[each.suggested] for each in suspects],
                "kind": [suspect.kind for suspect in suspects],
                **self._news(self._standing),
            }

    def cards(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return the details of some suspects. Raises `LookupError` for an unknown number or too many of them."""
        if len(numbers) > MAX_CARDS:
            raise LookupError(f"at most {MAX_CARDS} cards may be requested at once")
        return [self._card(number) for number in numbers]

    def examples(self, class_number: int) -> list[int]:
        """Return typical images of a class, if the suspects refer to any."""
        if not 0 <= class_number < len(self.class_names):
            raise LookupError(class_number)
        return list(self._examples.get(self.class_names[class_number], {}))[:MAX_EXAMPLES]

    def news(self, since: int) -> dict[str, Any]:
        """Return the current decisions on suspects that were changed after the first `since` lines of the log."""
        with self._lock:
            self._refresh()
            if not 0 <= since <= len(self.log.decisions):  # the log was replaced
                return {**self._news(self._suspects_at), "all": True}
            return self._news(dict.fromkeys(decision.path for decision in self.log.decisions[since:]))

    def decide(self, number: int, decision: str, label: str | None) -> dict[str, Any]:
        """Write a decision on a suspect to the log and return the current state.

        Raises `LookupError` for an unknown suspect, `ValueError` for an invalid decision, and `UserError` if the log
        cannot be written.
        """
        suspect = self._suspect(number)
        if decision not in KINDS:
            raise ValueError(f"unknown decision: {decision}")
        if decision == "relabel":
            label = self._class_named(label or "")
            if label == suspect.given:
                raise ValueError("the image already has this class; keep it instead")
        elif label is not None:
            raise ValueError("only a relabelling may have a class")
        made = decide(self.reviewer, suspect.path, suspect.given, decision, label)
        append_decision(self.log.path, made)
        return self._state(suspect.path)

    def undo(self, number: int | None) -> dict[str, Any]:
        """Undo this reviewer's decision on a suspect, or the last one, and return the suspect; None if there was none.

        Raises the same errors as `decide`.
        """
        with self._lock:
            self._refresh()
            if number is None:
                own = [of[self.reviewer] for of in self._standing.values() if self.reviewer in of]
                order = {each.id: position for position, each in enumerate(self.log.decisions)}
                of_this_deck = [each for each in own if each.path in self._suspects_at]
                last = max(of_this_deck, key=lambda each: order[each.id], default=None)
            else:
                last = self._standing.get(self._suspect(number).path, {}).get(self.reviewer)
            if last is None:
                return {"undone": None, **self._news(())}
            append_decision(self.log.path, take_back(last, self.reviewer))
        return {"undone": self._suspects_at[last.path][0], **self._state(last.path)}

    def decided(self) -> int:
        """The number of suspects with a decision."""
        with self._lock:
            self._refresh()
            return self._decided()

    def _state(self, path: str) -> dict[str, Any]:
        with self._lock:
            self._refresh()
            return self._news([path])

    def _refresh(self) -> None:
        if self.log.refresh():
            self._standing = standing(self.log.decisions)

    def _news(self, paths: Iterable[str]) -> dict[str, Any]:
        states = {
            number: [decision.as_seen_by(self.reviewer) for decision in self._standing.get(path, {}).values()]
            for path in paths
            for number in self._suspects_at.get(path, ())
        }
        return {"version": len(self.log.decisions), "decided": self._decided(), "states": states}

    def _decided(self) -> int:
        return sum(len(numbers) for path, numbers in self._suspects_at.items() if path in self._standing)

    def _suspect(self, number: int) -> Suspect:
        if not 0 <= number < len(self.audit.suspects):
            raise LookupError(number)
        return self.audit.suspects[number]

    def _card(self, number: int) -> dict[str, Any]:
        suspect = self._suspect(number)
        numbers = self._image_numbers
        return {
            "number": number,
            "path": suspect.path,
            "split": suspect.split,
            "score": suspect.score,
            "detail": suspect.detail,
            "image": numbers[suspect.path],
            "neighbours": [numbers[path] for path in suspect.neighbours],
            "typical": [numbers[path] for path in suspect.given_neighbours],
        }

    def _class_named(self, label: str) -> str:
        """Return the existing class of that name, ignoring case and form, or a new one."""
        if label in self.class_names:
            return label
        normal = normalise_class_name(label)
        if not normal or len(normal) > _MAX_NAME_LENGTH or not normal.isprintable():
            raise ValueError(f"a class name must have 1 to {_MAX_NAME_LENGTH} printable characters")
        return self._by_normal_name.get(normal.casefold(), normal)

    def _register_images(self, suspect: Suspect) -> None:
        for path in (suspect.path, *suspect.neighbours, *suspect.given_neighbours):
            if path not in self._image_numbers:
                self._image_numbers[path] = len(self.images)
                self.images.append(path)
        pairs = [(suspect.given, suspect.given_neighbours), (suspect.suggested, suspect.neighbours)]
        for name, paths in pairs:
            if name is not None:
                known = self._examples.setdefault(name, {})
                known.update(dict.fromkeys(self._image_numbers[path] for path in paths))


def check_reviewer(name: str) -> str:
    """Return the name under which decisions are logged. Raises `UserError` if it is empty or not printable."""
    name = name.strip()
    if not name or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        raise UserError(
            f"a reviewer's name must have 1 to {_MAX_NAME_LENGTH} printable characters, got {name!r}; "
            f"set another {argument('reviewer')}"
        )
    return name

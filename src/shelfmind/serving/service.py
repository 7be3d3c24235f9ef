"""The state that one process needs to answer requests."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shelfmind.errors import UserError
from shelfmind.gallery.gallery import SuspiciousEnrolmentError
from shelfmind.gallery.stores import place_of
from shelfmind.serving.audit_log import ASKED, DONE, REFUSED, AuditLog
from shelfmind.serving.batching import Batcher
from shelfmind.serving.callers import Authenticator, Caller
from shelfmind.serving.corrections import Corrections
from shelfmind.serving.galleries import ServedGallery
from shelfmind.serving.limits import Limits
from shelfmind.serving.metrics import Metrics
from shelfmind.serving.problems import Problem
from shelfmind.serving.records import finding_record
from shelfmind.serving.reloading import Models

LOG = logging.getLogger("shelfmind.serving")
_PATH = re.compile(r"(?:^|[\s'\"(=])(?:~|\.{0,2})/\S")
T = TypeVar("T")


@dataclass
class Service:
    """The components of a service.

    Attributes:
        notify_others: makes the other processes of the service check for changes.
        stopping: whether the service no longer accepts requests.
    """

    models: Models
    batcher: Batcher
    metrics: Metrics
    limits: Limits
    authenticator: Authenticator
    audit_log: AuditLog
    corrections: Corrections
    reports: Mapping[str, tuple[str, Path]]
    gallery: ServedGallery | None = None
    notify_others: Callable[[], None] = lambda: None
    stopping: bool = False

    @property
    def served_gallery(self) -> ServedGallery:
        """The gallery. Raises `Problem` if the service has none."""
        if self.gallery is None:
            raise Problem(404, "this service has no gallery", "no-gallery")
        return self.gallery

    def written(self, caller: Caller, action: str, what: Mapping[str, Any], do: Callable[[], T]) -> T:
        """Make a change for a caller, with an audit log entry before and after it.

        Raises:
            Problem: the change was refused or cannot be made now.
        """
        who = caller.in_log
        self._logged(ASKED, who, action, what)
        try:
            outcome = do()
        except SuspiciousEnrolmentError as error:
            self._logged(REFUSED, who, action, {**what, "why": str(error)})
            more = {"warnings": list(error.warnings), "findings": [finding_record(each) for each in error.findings]}
            message = "the gallery's guard has findings; nothing was changed"
            raise Problem(409, message, "findings", more=more) from error
        except UserError as error:
            self._logged(REFUSED, who, action, {**what, "why": str(error)})
            raise self._refusal(error, what) from error
        except Exception as error:
            self._logged(REFUSED, who, action, {**what, "why": str(error)})
            raise
        self._logged(DONE, who, action, {**what, "version": getattr(outcome, "version", None)})
        self.metrics.writes.labels(action).inc()
        return outcome

    def after_change(self) -> None:
        """Serve the changed gallery."""
        try:
            self.models.refresh_gallery()
        except UserError as error:  # re-embedded by another run in the meantime; the watch keeps checking
            LOG.warning("the gallery's newest version cannot be loaded: %s", error)
        self.notify_others()

    def _logged(self, event: str, who: Mapping[str, Any], action: str, what: Mapping[str, Any]) -> None:
        try:
            self.audit_log.append(event, who, action, what)
        except UserError as error:
            raise self._refusal(error, {}) from error

    def _refusal(self, error: UserError, what: Mapping[str, Any]) -> Problem:
        """Return the caller's error, without paths of the server, which only the log has."""
        message = str(error)
        names_a_place = any(re.search(_whole(rf"{re.escape(place)}(?:/\S*)?"), message) for place in self._places())
        if names_a_place or _PATH.search(_without_names(message, what)):
            LOG.error("a change failed: %s", error)
            return Problem(503, "the service cannot do this now; its log has the reason", "not-ready", 5)
        return Problem(409, message)

    def _places(self) -> list[str]:
        """Return the service's own places, without relative ones, which may equal any word."""
        wanted = self.models.wanted
        files = "" if wanted.gallery is None else place_of(wanted.gallery).files
        found = [str(wanted.run), files, str(self.corrections.root), str(self.audit_log.path)]
        return [each for each in found if os.path.isabs(each) or "://" in each]


def _without_names(message: str, what: Mapping[str, Any]) -> str:
    """Return a message without the names that the caller of a change chose, as they may look like paths."""
    chosen = [each for value in what.values() for each in (value if isinstance(value, list) else [value])]
    names = sorted({each for each in chosen if isinstance(each, str) and each in message}, key=len, reverse=True)
    return re.sub(_whole("|".join(map(re.escape, names))), "", message) if names else message


def _whole(pattern: str) -> str:
    """Return a pattern for text that is not a part of a word or path."""
    return rf"(?<![\w./~-])(?:{pattern})(?![\w./~-])"

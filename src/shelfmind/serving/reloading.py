"""Follow changes of the run and the gallery: load a new model in the background, check it, and swap it in."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from shelfmind.errors import UserError
from shelfmind.serving.metrics import Metrics
from shelfmind.serving.models import ModelSource, ServedModel, fingerprint_of, load_model

LOG = logging.getLogger("shelfmind.serving")


@dataclass(frozen=True)
class Reloaded:
    """Whether the model changed, and the current model."""

    changed: bool
    model: ServedModel


class Models:
    """The current model. Thread-safe.

    Files that are still being written are ignored: a run must be unchanged between two checks in a row. A model that
    cannot be loaded or does not match the gallery is skipped and tried again once either changes.
    """

    def __init__(self, wanted: ModelSource, max_batch: int | None, metrics: Metrics) -> None:
        """Load the first model. Raises `UserError` if that fails."""
        self.wanted, self.max_batch, self.metrics = wanted, max_batch, metrics
        self._lock = threading.RLock()
        self._loaded_from = self._seen = fingerprint_of(wanted.run)
        self._refused: object = None
        self._troubles: dict[str, str] = {}
        self.current = load_model(wanted, max_batch)
        self._notify()

    @property
    def trouble(self) -> str | None:
        """Why the newest run or gallery is not the current one, if it could not be loaded."""
        return next(iter(self._troubles.values()), None)

    def check(self) -> Reloaded:
        """Check for changes and load them. A failure is logged once."""
        with self._lock:
            seen = fingerprint_of(self.wanted.run)
            settled, self._seen = seen == self._seen, seen
            changed = False
            try:
                changed = self.refresh_gallery().changed
                self._troubles.pop("gallery", None)
            except UserError as error:  # it has other weights now, perhaps those of a run that is not there yet
                self._failed("gallery", error)
            newest = (seen, self.current.newest_gallery_version)
            if seen == self._loaded_from:
                self._troubles.pop("run", None)
            elif settled and newest != self._refused:
                try:
                    return self.reload()
                except UserError as error:
                    self._refused = newest
                    self._failed("run", error)
            return Reloaded(changed, self.current)

    def reload(self) -> Reloaded:
        """Load the current run and gallery now.

        Raises:
            UserError: it cannot be loaded or does not match the gallery; the previous model continues to serve.
        """
        with self._lock:
            seen = fingerprint_of(self.wanted.run)
            if seen == self._loaded_from:
                return self.refresh_gallery()
            try:
                self.current = load_model(self.wanted, self.max_batch)
            except UserError:
                self.metrics.reloads.labels("refused").inc()
                raise
            except Exception as error:  # engines raise arbitrary errors for an incomplete file
                self.metrics.reloads.labels("refused").inc()
                raise UserError(f"{self.wanted.run} cannot be loaded: {error}") from error
            self._loaded_from, self._refused = seen, None
            self._troubles.clear()
            self._on_model_change()
            return Reloaded(True, self.current)

    def refresh_gallery(self) -> Reloaded:
        """Load the gallery's newest version.

        Raises:
            UserError: it is of other weights, not calibrated, or damaged; the previous version continues to serve.
        """
        with self._lock:
            newer = self.current.refreshed()
            changed, self.current = newer is not self.current, newer
            if changed:
                self._on_model_change()
            return Reloaded(changed, newer)

    def _on_model_change(self) -> None:
        self.metrics.reloads.labels("done").inc()
        self._notify()

    def _failed(self, what: str, error: UserError) -> None:
        if self._troubles.get(what) != str(error):
            LOG.warning("the new %s cannot be loaded: %s", what, error)
        self._troubles[what] = str(error)

    def _notify(self) -> None:
        model = self.current
        products = 0 if model.recognizer is None else len(model.recognizer.references.names)
        predictor = model.predictor
        self.metrics.serving(
            predictor.place.name, predictor.engine.name, predictor.checksum[:12], model.gallery_version, products
        )


class Watch(threading.Thread):
    """Checks for changes every `every_s` seconds, and immediately on request."""

    def __init__(self, models: Models, every_s: float) -> None:
        super().__init__(name="watch", daemon=True)
        self.models, self.every_s = models, every_s
        self._wake = threading.Event()
        self._asked = self._ended = False
        self.start()

    def now(self) -> None:
        """Check immediately, even if files may still be changing."""
        self._asked = True
        self._wake.set()

    def end(self) -> None:
        """Stop checking."""
        self._ended = True
        self._wake.set()
        self.join()

    def run(self) -> None:
        """Check until stopped."""
        while not self._ended:
            self._wake.wait(self.every_s or None)
            self._wake.clear()
            if self._ended:
                return
            try:
                if self._asked:
                    self._asked = False
                    self.models.reload()
                else:
                    self.models.check()
            except UserError as error:
                LOG.warning("the new run or gallery cannot be loaded: %s", error)
            except Exception:
                LOG.exception("checking for a new run or gallery failed")

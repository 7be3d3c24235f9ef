"""What Prometheus reads: requests, batches, the queue, answers and their drift, added up over all processes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from shelfmind.serving.process_metrics import ProcessMetrics, processes_of

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which several processes keep their metrics; set before the first import."""
TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
_TENTHS = tuple(number / 10 for number in range(1, 10))
BASELINE = 500
"""Answered images after a model is loaded whose mean confidence later ones are compared with."""
MEMORY = 500
"""Images over which the mean confidence now is averaged, exponentially."""


class Metrics:
    """The metrics of one process; in the folder of `FOLDER`, if it is set, those of all are added up."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        if FOLDER not in os.environ:
            self.registry.register(ProcessMetrics())

        def counter(name: str, what: str, *labels: str) -> Any:
            return Counter(f"shelfmind_{name}", what, labels, registry=self.registry)

        def gauge(name: str, what: str, *labels: str, mode: Any = "livesum") -> Any:
            return Gauge(f"shelfmind_{name}", what, labels, registry=self.registry, multiprocess_mode=mode)

        def histogram(name: str, what: str, *labels: str, buckets: Iterable[float] = _SECONDS) -> Any:
            return Histogram(f"shelfmind_{name}", what, labels, registry=self.registry, buckets=tuple(buckets))

        self.requests = counter("http_requests", "Requests answered.", "method", "route", "status")
        self.request_s = histogram("http_request_duration_seconds", "From the header to the end.", "route")
        self.images = counter("images", "Images by what they were called.", "outcome")
        self.queue_images = gauge("queue_images", "Images that wait or are worked on.")
        self.wait_s = histogram("queue_wait_seconds", "From the queue's end to its head.")
        self.batch_images = histogram("batch_images", "Images computed at once.", buckets=_SIZES)
        self.decode_s = histogram("decode_seconds", "Decoding and resizing of an image.")
        self.inference_s = histogram("inference_seconds", "Computing a batch.")
        self.confidence = histogram("confidence", "Probability of the best name.", buckets=_TENTHS)
        self.confidence_mean = gauge("confidence_mean", "Of the last images, about.", mode="livemostrecent")
        self.confidence_drift = gauge(
            "confidence_drift", "Mean confidence now, less that after the model was loaded.", mode="livemostrecent"
        )
        self.rejected = counter("rejected", "What was refused or given up, by reason.", "reason")
        self.reloads = counter("reloads", "Models and gallery versions that took over, or were refused.", "result")
        self.writes = counter("writes", "Changes that people made.", "action")
        self.model_info = gauge(
            "model_info", "1 for the model that answers.", "name", "engine", "weights", mode="livemax"
        )
        self.gallery_version = gauge("gallery_version", "The version that answers.", mode="livemin")
        self.gallery_products = gauge("gallery_products", "Enrolled products.", mode="livemostrecent")
        self.upload_bytes = gauge("upload_bytes", "Bodies of requests in memory.")
        self._info: tuple[str, str, str] | None = None
        self._lock = Lock()
        self._seen, self._mean, self._baseline = 0, 0.0, 0.0

    def text(self) -> bytes:
        """All of it as Prometheus reads it."""
        from prometheus_client import CollectorRegistry, generate_latest

        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        from prometheus_client.multiprocess import MultiProcessCollector

        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        together.register(ProcessMetrics(lambda: processes_of(Path(os.environ[FOLDER]))))
        return generate_latest(together)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request."""
        self.requests.labels(method, route, str(status)).inc()
        self.request_s.labels(route).observe(seconds)

    def queue(self, images: int) -> None:
        """How many wait."""
        self.queue_images.set(images)

    def waited(self, seconds: float) -> None:
        """For its decoding."""
        self.wait_s.observe(seconds)

    def decoded(self, seconds: float) -> None:
        """An image."""
        self.decode_s.observe(seconds)

    def computed(self, seconds: float, images: int) -> None:
        """A batch."""
        self.inference_s.observe(seconds)
        self.batch_images.observe(images)

    def recognised(self, outcome: str, confidence: float | None = None) -> None:
        """An image was called a product, a family, undecided, unknown or unusable."""
        self.images.labels(outcome).inc()
        if confidence is None:
            return
        self.confidence.observe(confidence)
        with self._lock:
            self._seen += 1
            if self._seen <= BASELINE:
                self._baseline += (confidence - self._baseline) / self._seen
            self._mean += (confidence - self._mean) / min(self._seen, MEMORY)
            self.confidence_mean.set(self._mean)
            self.confidence_drift.set(self._mean - self._baseline)

    def reject(self, reason: str) -> None:
        """A request was refused or given up."""
        self.rejected.labels(reason).inc()

    def serving(self, name: str, engine: str, weights: str, version: int | None, products: int) -> None:
        """Which model answers from now on."""
        info = name, engine, weights
        if info != self._info:
            if self._info is not None:  # labels cannot be removed from the files that processes share
                self.model_info.labels(*self._info).set(0)
            self.model_info.labels(*info).set(1)
            with self._lock:
                self._info, self._seen, self._mean, self._baseline = info, 0, 0.0, 0.0
        self.gallery_version.set(version or 0)
        self.gallery_products.set(products)

"""Prometheus metrics: requests, batches, queue, answers and confidence drift, summed over all processes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from shelfmind.serving.process_metrics import ProcessMetrics, processes_of

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable with the folder for the metrics of several processes. Set it before the first import."""
TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
_TENTHS = tuple(number / 10 for number in range(1, 10))
BASELINE = 500
"""Number of images after loading a model whose mean confidence is the reference for drift."""
MEMORY = 500
"""Number of images of the exponential moving average of the confidence."""


class Metrics:
    """The metrics of one process, or the sum over all processes if `FOLDER` is set."""

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
        self.request_s = histogram("http_request_duration_seconds", "Time from header to end of response.", "route")
        self.images = counter("images", "Images by outcome.", "outcome")
        self.queue_images = gauge("queue_images", "Images waiting or in progress.")
        self.wait_s = histogram("queue_wait_seconds", "Waiting time in the queue.")
        self.batch_images = histogram("batch_images", "Images per batch.", buckets=_SIZES)
        self.decode_s = histogram("decode_seconds", "Time to decode and resize an image.")
        self.inference_s = histogram("inference_seconds", "Time to compute a batch.")
        self.confidence = histogram("confidence", "Probability of the best candidate.", buckets=_TENTHS)
        self.confidence_mean = gauge("confidence_mean", "Moving average of the confidence.", mode="livemostrecent")
        self.confidence_drift = gauge(
            "confidence_drift", "Current mean confidence minus that after the model was loaded.", mode="livemostrecent"
        )
        self.rejected = counter("rejected", "Requests refused or abandoned, by reason.", "reason")
        self.reloads = counter("reloads", "Models and gallery versions loaded or refused.", "result")
        self.writes = counter("writes", "Changes made through the API.", "action")
        self.model_info = gauge("model_info", "1 for the current model.", "name", "engine", "weights", mode="livemax")
        self.gallery_version = gauge("gallery_version", "The current gallery version.", mode="livemin")
        self.gallery_products = gauge("gallery_products", "Enrolled products.", mode="livemostrecent")
        self.upload_bytes = gauge("upload_bytes", "Bytes of request bodies in memory.")
        self._info: tuple[str, str, str] | None = None
        self._lock = Lock()
        self._seen, self._mean, self._baseline = 0, 0.0, 0.0

    def text(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        from prometheus_client.multiprocess import MultiProcessCollector

        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        together.register(ProcessMetrics(lambda: processes_of(Path(os.environ[FOLDER]))))
        return generate_latest(together)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Record a request."""
        self.requests.labels(method, route, str(status)).inc()
        self.request_s.labels(route).observe(seconds)

    def queue(self, images: int) -> None:
        """Record the number of waiting images."""
        self.queue_images.set(images)

    def waited(self, seconds: float) -> None:
        """Record the waiting time of an image."""
        self.wait_s.observe(seconds)

    def decoded(self, seconds: float) -> None:
        """Record the decoding time of an image."""
        self.decode_s.observe(seconds)

    def computed(self, seconds: float, images: int) -> None:
        """Record the computing time of a batch."""
        self.inference_s.observe(seconds)
        self.batch_images.observe(images)

    def recognised(self, outcome: str, confidence: float | None = None) -> None:
        """Record the outcome of an image: product, family, undecided, unknown or unusable."""
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
        """Record a refused or abandoned request."""
        self.rejected.labels(reason).inc()

    def serving(self, name: str, engine: str, weights: str, version: int | None, products: int) -> None:
        """Record the current model."""
        info = name, engine, weights
        if info != self._info:
            if self._info is not None:  # labels cannot be removed from the shared files of processes
                self.model_info.labels(*self._info).set(0)
            self.model_info.labels(*info).set(1)
            with self._lock:
                self._info, self._seen, self._mean, self._baseline = info, 0, 0.0, 0.0
        self.gallery_version.set(version or 0)
        self.gallery_products.set(products)

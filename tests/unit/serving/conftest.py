"""A service around the tiny network, and clients of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")


@pytest.fixture(scope="session")
def photo(tiny: Any) -> Callable[..., bytes]:
    """Makes a photo of about one colour."""
    found: Callable[..., bytes] = tiny.encoded
    return found


@pytest.fixture(scope="session")
def network(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported file."""
    found: Path = tiny.write_network(tmp_path_factory.mktemp("network") / "货架.onnx")
    return found


@pytest.fixture
def gallery(tiny: Any, tmp_path: Path, network: Path) -> Path:
    """A calibrated gallery with one product."""
    found: Path = tiny.write_gallery(tmp_path / "库", network)
    return found


@pytest.fixture
def make_service(tmp_path: Path, network: Path) -> Iterator[Callable[..., Any]]:
    """Makes services, and ends them."""
    from shelfmind.serving.audit_log import AuditLog
    from shelfmind.serving.batching import Batcher
    from shelfmind.serving.callers import Authenticator
    from shelfmind.serving.corrections import Corrections
    from shelfmind.serving.galleries import ServedGallery
    from shelfmind.serving.keys import Keys
    from shelfmind.serving.limits import Access, Limits
    from shelfmind.serving.metrics import Metrics
    from shelfmind.serving.models import ModelSource
    from shelfmind.serving.reloading import Models
    from shelfmind.serving.service import Service
    from shelfmind.serving.session_secret import SessionSecret

    made = []

    def make(
        gallery: Path | None = None,
        run: Path = network,
        limits: Limits = Limits(),  # noqa: B008
        access: Access = Access(),  # noqa: B008
        max_delay_s: float = 0.001,
        workers: int = 2,
        clock: Callable[[], float] = time.monotonic,
    ) -> Service:
        metrics = Metrics()
        models = Models(ModelSource(run, None if gallery is None else str(gallery), "onnx"), None, metrics)
        batcher = Batcher(workers, None, max_delay_s, limits.queue, metrics, limits.pixels)
        made.append(batcher)
        state = tmp_path / "state"
        return Service(
            models,
            batcher,
            metrics,
            limits,
            Authenticator(Keys(state / "keys.json"), access, SessionSecret(state / "session.secret"), clock),
            AuditLog(state / "audit.jsonl"),
            Corrections(state / "corrections"),
            {"run": ("Report", tmp_path / "report.html")},
            None if gallery is None else ServedGallery(str(gallery), models, batcher, limits.pixels, time.monotonic),
        )

    yield make
    for batcher in made:
        batcher.close()


@pytest.fixture
def client() -> Iterator[Callable[..., Any]]:
    """Makes clients of services, on this machine's own address."""
    from fastapi.testclient import TestClient

    from shelfmind.serving.application import create_application

    made = []

    def make(service: Any, clock: Callable[[], float] = time.monotonic, **named: Any) -> TestClient:
        found = TestClient(create_application(service, clock), "http://127.0.0.1:8000", **named)
        made.append(found)
        return found

    yield make
    for each in made:
        each.close()

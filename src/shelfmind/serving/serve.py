"""Serve a run or an exported file, optionally with a gallery, until stopped."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from shelfmind.errors import UserError, argument, call
from shelfmind.machine.cores import available_cores
from shelfmind.machine.open_files import allow_many_files
from shelfmind.machine.packages import require
from shelfmind.requests.calling import takes
from shelfmind.requests.serving import ServeRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.serving.keys import Keys
from shelfmind.serving.limits import LOOPBACK, Access, Limits, host_name
from shelfmind.serving.metrics import FOLDER
from shelfmind.serving.proxies import networks
from shelfmind.serving.state import State, state_of

NEEDED = ("fastapi", "uvicorn", "httptools", "python_multipart", "prometheus_client")
CONCURRENT_BODIES = 16
"""Number of bodies of the maximum size for which memory is allowed. Many more small ones fit."""


Answer = Callable[[int, int | None, Callable[[], None], Callable[[], None]], None]
"""Answers with this many threads while the parent lives, notifies others of changes, and reports readiness."""


@dataclass(frozen=True)
class Served:
    """The outcome of a service after its end: the seconds that it ran and its address."""

    address: str
    seconds: float


@takes(ServeRequest)
def serve(request: ServeRequest, watcher: Observer = SILENT) -> Served:
    """Answer requests until SIGTERM or Ctrl-C. The watcher receives the address once the service is ready.

    Returns:
        The running time in seconds and the address.

    Raises:
        UserError: a run, gallery, key or port cannot be used, or packages of the extra `serve` are missing.
    """
    require(*NEEDED)
    from shelfmind.serving.server import address_of, bound_socket

    networks(request.trusted_proxies)  # report errors before anything is loaded
    state = state_of(request.state)
    keys = Keys(state.keys)
    _require_a_key(request, keys)
    allow_many_files()
    listening = bound_socket(host_name(request.host), request.port)
    began, address = time.monotonic(), address_of(listening)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s [%(process)d]: %(message)s", stream=sys.stderr)

    def answer(cores: int, life: int | None, notify_others: Callable[[], None], ready: Callable[[], None]) -> None:
        _answer(request, state, keys, listening, cores, life, notify_others, ready)

    def report_ready() -> None:
        watcher.result(address)
        _advise(request, keys, watcher)

    with listening:
        if request.workers == 1:
            answer(available_cores(), None, lambda: None, report_ready)
        else:
            _serve_with_workers(request.workers, answer, report_ready)
    return Served(address, time.monotonic() - began)


def _serve_with_workers(count: int, answer: Answer, report_ready: Callable[[], None]) -> None:
    """Start the worker processes, with a shared folder for their metrics."""
    from shelfmind.serving.workers import Workers

    metrics = tempfile.mkdtemp(prefix="shelfmind-metrics-")
    os.environ[FOLDER] = metrics
    parent, cores = os.getpid(), max(1, available_cores() // count)

    def work(life: int, ready: Callable[[], None]) -> None:
        answer(cores, life, lambda: os.kill(parent, signal.SIGHUP), ready)

    def forget(process: int) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(process)  # type: ignore[no-untyped-call]

    try:
        Workers(count, work, report_ready, forget).run()
    finally:
        del os.environ[FOLDER]
        shutil.rmtree(metrics, ignore_errors=True)


def _answer(
    request: ServeRequest,
    state: State,
    keys: Keys,
    listening: socket.socket,
    cores: int,
    life: int | None,
    notify_others: Callable[[], None],
    ready: Callable[[], None],
) -> None:
    """Load the model, answer requests until stopped, and clean up."""
    from shelfmind.gallery.stores import absolute_place
    from shelfmind.serving.application import create_application
    from shelfmind.serving.audit_log import AuditLog
    from shelfmind.serving.batching import Batcher
    from shelfmind.serving.callers import Authenticator
    from shelfmind.serving.corrections import Corrections
    from shelfmind.serving.galleries import ServedGallery
    from shelfmind.serving.metrics import Metrics
    from shelfmind.serving.models import ModelSource
    from shelfmind.serving.reloading import Models, Watch
    from shelfmind.serving.server import Server
    from shelfmind.serving.service import Service
    from shelfmind.serving.session_secret import SessionSecret

    metrics, limits = Metrics(), _limits(request)
    place = None if request.gallery is None else absolute_place(request.gallery)  # recognised in messages, see Service
    wanted = ModelSource(request.run, place, request.engine, request.batch, request.decode, request.tta)
    models = Models(wanted, request.max_batch, metrics)
    batcher = Batcher(cores, request.max_batch, request.max_delay_ms / 1000, limits.queue, metrics, limits.pixels)
    gallery = None
    if place is not None:
        gallery = ServedGallery(place, models, batcher, limits.pixels, time.monotonic)
    service = Service(
        models,
        batcher,
        metrics,
        limits,
        Authenticator(keys, _access(request, listening.getsockname()[1]), SessionSecret(state.session_secret)),
        AuditLog(state.audit_log.absolute()),
        Corrections(state.corrections.absolute()),
        _reports(request),
        gallery,
        notify_others,
    )
    watch = Watch(models, request.watch_seconds)

    def stop() -> None:
        service.stopping = True

    server = Server(create_application(service), watch.now, stop, ready, life)
    server.run([listening])
    watch.end()
    batcher.close()


def _limits(request: ServeRequest) -> Limits:
    body = int(request.max_body_mb * 2**20)
    return Limits(
        body_bytes=body,
        bodies_bytes=CONCURRENT_BODIES * body,
        images=request.max_images,
        pixels=int(request.max_megapixels * 1_000_000),
        timeout_s=request.timeout,
        rate=request.rate,
        queue=request.queue,
    )


def _access(request: ServeRequest, port: int) -> Access:
    hosts = None
    if _is_local(request) or request.allow_hosts:
        hosts = frozenset({*LOOPBACK, request.host, *request.allow_hosts})
    return Access(hosts, _is_local(request) or request.insecure, port, networks(request.trusted_proxies))


def _is_local(request: ServeRequest) -> bool:
    host = host_name(request.host)
    return host in LOOPBACK or host.startswith("127.")


def _require_a_key(request: ServeRequest, keys: Keys) -> None:
    if _is_local(request) or request.insecure or keys.by_id():
        return
    how = call("keys_add", name="NAME", role="read")
    raise UserError(
        f"{request.host} is reachable from other machines, but {keys.path} has no key to restrict access; create one: "
        f"{how}, or set {argument('insecure', True)}"
    )


def _advise(request: ServeRequest, keys: Keys, watcher: Observer) -> None:
    if request.insecure and not _is_local(request) and not keys.by_id():
        watcher.warn("there is no key: anyone who can reach this address may change the gallery")


def _reports(request: ServeRequest) -> dict[str, tuple[str, Path]]:
    """Return the reports that other verbs wrote, by name: title and file."""
    found = {}
    if request.run.is_dir():
        found["run"] = ("Model report", request.run / "report.html")
        found["gallery"] = ("Trained, enrolled and unknown products", request.run / "gallery_report.html")
    if request.audit is not None:
        found["audit"] = ("Data audit", request.audit / "report.html")
    return found

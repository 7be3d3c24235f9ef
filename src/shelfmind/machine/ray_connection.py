"""Joins a Ray cluster (https://docs.ray.io), or starts one on this machine."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shelfmind.errors import UserError, argument
from shelfmind.machine.cores import available_cores

LOCAL, AUTO, CLIENT = "local", "auto", "ray://"
CONNECT_S = 5.0
"""How long the address of a cluster may take to answer."""

FOR_MINDSPORE = {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
"""Environment before Ray is imported: it loads protobuf, after whose faster implementation MindSpore cannot be
imported."""


def connect(address: str) -> None:
    """Start a cluster, or connect to one, without Ray's messages: they would go between the lines of the outcome.

    Raises:
        UserError: the address is invalid, or there is no cluster that this machine is part of.
    """
    import ray

    where = argument("ray", address)
    if address.startswith(CLIENT):
        raise UserError(
            f"{where}: Ray Client is not supported, because a lost connection would end the job; run the command on a "
            f"machine of the cluster with {argument('ray', AUTO)} or {argument('ray', 'HOST:PORT')}"
        )
    quiet: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
    if hasattr(ray._private.worker, "_worker_logs_enabled"):  # it prints deaths of workers to the standard output
        ray._private.worker._worker_logs_enabled = False
    try:
        if address == LOCAL:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            os.environ.setdefault("RAY_worker_niceness", "0")  # 15 by default: other programs would come first
            ray.init("local", num_cpus=available_cores(), include_dashboard=False, **quiet)
        else:
            if address != AUTO:
                _require_answer(address)
            ray.init(address=address, **quiet)
    except (ray.exceptions.RayError, ValueError, RuntimeError, OSError, AssertionError) as error:
        reason = " ".join(str(error).split()).partition(". ")[0]
        raise UserError(
            f"{where}: cannot connect to a Ray cluster ({reason}); start one with `ray start --head`, add this machine "
            f"to it with `ray start --address=HOST:PORT`, or use {argument('ray', LOCAL)}"
        ) from error


def _require_answer(address: str) -> None:
    """Raise `ConnectionError` if nothing listens there: Ray itself would try for a long time."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ConnectionError(f"an address is {AUTO}, {LOCAL} or HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"nothing answers: {getattr(error, 'strerror', None) or error}") from error


@contextmanager
def own_signals() -> Iterator[None]:
    """Keep the handler of SIGTERM, which Ray replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

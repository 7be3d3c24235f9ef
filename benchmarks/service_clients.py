"""Lightweight clients of a local service: plain sockets and prepared requests."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

BOUNDARY = b"shelfmind-benchmark"
PART = b'Content-Disposition: form-data; name="image"; filename="%d.jpg"\r\nContent-Type: image/jpeg'


@dataclass
class Load:
    """Client results: seconds per answer by status, and the clients' own cost."""

    seconds: list[float] = field(default_factory=list)
    images: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    dropped: int = 0
    wall_s: float = 0.0
    client_cpu_s: float = 0.0
    answers: dict[int, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """Return a readable summary."""
        ordered = sorted(self.seconds)
        at = (
            (lambda share: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1))
            if ordered
            else None
        )
        return {
            "images_per_second": round(self.images / self.wall_s, 1),
            "p50_ms": at(0.5) if at else None,
            "p99_ms": at(0.99) if at else None,
            "statuses": self.statuses,
            "without_answer": self.dropped,
            "client_cores": round(self.client_cpu_s / self.wall_s, 3),
        }


def request_of(photos: Sequence[bytes], path: str = "/v1/recognize", headers: str = "") -> bytes:
    """Return a complete multipart request."""
    parts = b"".join(
        b"--%s\r\n%s\r\n\r\n%s\r\n" % (BOUNDARY, PART % number, photo) for number, photo in enumerate(photos)
    )
    body = parts + b"--%s--\r\n" % BOUNDARY
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n\r\n"
    )
    return head.encode() + body


class Line:
    """A persistent connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body of an answer."""
        if self._line is None:
            self._line = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._line
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            fields = head.lower()
            start = fields.index(b"content-length:") + 15
            body = await reader.readexactly(int(fields[start : fields.index(b"\r\n", start)]))
        except BaseException:
            self.close()
            raise
        if b"connection: close" in fields:
            self.close()
        return int(head[9:12]), body

    def close(self) -> None:
        """Close the connection."""
        if self._line is not None:
            self._line[1].close()
            self._line = None


async def _one(load: Load, line: Line, number: int, request: bytes, images: int, since: float, keep: bool) -> None:
    try:
        status, body = await line.ask(request)
    except (OSError, asyncio.IncompleteReadError):
        load.dropped += 1
        return
    load.seconds.append(time.perf_counter() - since)
    load.statuses[status] = load.statuses.get(status, 0) + 1
    if status == 200:
        load.images += images
        if keep:
            load.answers[number] = json.loads(body)["answers"]


async def closed_loop(
    port: int,
    requests: Sequence[bytes],
    images: int,
    clients: int,
    seconds: float,
    most: int | None = None,
    keep: bool = False,
) -> Load:
    """Run this many clients, each sending its next request as soon as it is answered."""
    load = Load()
    began, cpu = time.perf_counter(), _cpu()
    numbers = iter(range(most if most is not None else 10**9))

    async def client() -> None:
        line = Line(port)
        for number in numbers:
            if time.perf_counter() - began > seconds:
                break
            await _one(load, line, number, requests[number % len(requests)], images, time.perf_counter(), keep)
        line.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    load.wall_s, load.client_cpu_s = time.perf_counter() - began, _cpu() - cpu
    return load


async def open_loop(
    port: int, requests: Sequence[bytes], images: int, rate: float, seconds: float, seed: int = 0
) -> Load:
    """Send requests at random times, regardless of earlier answers; latency counts from the scheduled time."""
    load, rng = Load(), random.Random(seed)
    began, cpu = time.perf_counter(), _cpu()
    idle: list[Line] = []
    tasks = []
    due, number = began, 0

    async def ask(number: int, due: float) -> None:
        line = idle.pop() if idle else Line(port)
        await _one(load, line, number, requests[number % len(requests)], images, due, keep=False)
        idle.append(line)

    while due - began < seconds:
        due += rng.expovariate(rate)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(ask(number, due)))
        number += 1
    await asyncio.gather(*tasks)
    for line in idle:
        line.close()
    load.wall_s, load.client_cpu_s = time.perf_counter() - began, _cpu() - cpu
    return load


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

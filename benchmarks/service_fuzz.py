"""Fuzz `shelfmind serve`: 5xx answers, crashes and growing memory are faults.

    python benchmarks/service_fuzz.py network.onnx GALLERY PHOTOS --requests 100000

GALLERY is copied. Kinds of requests: valid and damaged photos of every format (truncated, changed bytes, decompression
bombs), JSON and multipart with changed bytes, random bytes over the socket, odd paths, methods and headers, slow and
broken uploads, and requests generated from the service's own API description with values at and beyond its bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import io
import json
import random
import shutil
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import service_process as processes
from PIL import Image
from service_clients import request_of

import shelfmind

SEED, NO_ANSWER = 0, "no answer in time"
PATHS = (
    "/v1/recognize", "/v1/model", "/v1/model/reload", "/v1/gallery", "/v1/gallery/skus", "/v1/gallery/skus/{}",
    "/v1/gallery/history", "/v1/gallery/rollback", "/v1/gallery/merge", "/v1/gallery/photos/{}", "/v1/corrections",
    "/v1/corrections/{}/undo", "/v1/reports", "/v1/reports/{}", "/v1/session", "/healthz", "/readyz", "/metrics",
    "/v1/openapi.json", "/", "/page/{}", "/{}",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO")
TEXTS = (
    "", "0", "-1", "5", "101", "1e999", "NaN", "null", "true", "x" * 5000, "../../../../etc/passwd", "%00", "\ud800",
    "库", "a'; DROP TABLE x", "<script>alert(1)</script>", "http://169.254.169.254/", "file:///etc/passwd", "0" * 64,
    "\x00", "{}",
)  # fmt: skip
HEADERS = (
    "Host", "Origin", "Cookie", "Authorization", "Content-Length", "Transfer-Encoding", "Expect", "X-Timeout-Ms",
    "If-None-Match", "Content-Type", "Connection", "Upgrade", "Range",
)  # fmt: skip
VALUES = ("", "x" * 9000, "chunked", "-1", "127.0.0.1", "100-continue", "websocket", "\xff", "a=b; c", "[::1")


def png(width: int, height: int, data: bytes) -> bytes:
    """Return a PNG that declares this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


class Fuzz:
    """Creates random requests."""

    def __init__(self, photos: list[bytes], seed: int) -> None:
        self.rng = random.Random(seed)
        self.photos = photos + [self._as(form) for form in ("PNG", "WEBP", "BMP", "GIF", "TIFF")]
        self.bombs = [
            png(10_000, 10_000, zlib.compress(b"\0" * 1000)), png(2**31 - 1, 2**31 - 1, b""), png(0, 0, b""),
            png(30_000, 1, zlib.compress(b"\0" * 90_001)), zlib.compress(b"\0" * 1_000_000),
        ]  # fmt: skip
        self.kinds: list[Callable[[], bytes]] = [
            self.good, self.damaged, self.damaged, self.bomb, self.changed, self.changed, self.odd, self.odd, self.odd,
            self.json, self.json, self.form, self.noise, self.enrolment, self.headers,
        ]  # fmt: skip

    def _as(self, form: str) -> bytes:
        stream = io.BytesIO()
        Image.new("RGB", (40, 30), (200, 10, 10)).save(stream, form)
        return stream.getvalue()

    def __call__(self) -> tuple[str, bytes]:
        kind = self.rng.choice(self.kinds)
        return kind.__name__, kind()

    def good(self) -> bytes:
        return request_of([self.rng.choice(self.photos)])

    def hurt(self, content: bytes, most: int = 12) -> bytes:
        """Return the bytes truncated, or with some bytes changed, repeated or removed."""
        found = bytearray(content)
        for _ in range(self.rng.randint(1, most)):
            at = self.rng.randrange(len(found) or 1)
            how = self.rng.random()
            if how < 0.5 and found:
                found[at] = self.rng.randrange(256)
            elif how < 0.7:
                del found[at : at + self.rng.randint(1, 40)]
            elif how < 0.85:
                found[at:at] = self.rng.randbytes(self.rng.randint(1, 40))
            else:
                del found[at:]
        return bytes(found)

    def damaged(self) -> bytes:
        return request_of([self.hurt(self.rng.choice(self.photos)) for _ in range(self.rng.randint(1, 3))])

    def bomb(self) -> bytes:
        return request_of([self.rng.choice(self.bombs)])

    def changed(self) -> bytes:
        """Return a valid request with a damaged body of correct length."""
        head, _, body = request_of([self.rng.choice(self.photos)]).partition(b"\r\n\r\n")
        return self._sealed(head, self.hurt(body, 6))

    def _sealed(self, head: bytes, body: bytes) -> bytes:
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body)]) + b"\r\n\r\n" + body

    def text(self) -> str:
        return self.rng.choice(TEXTS) if self.rng.random() < 0.8 else str(self.rng.randint(-(2**70), 2**70))

    def odd(self) -> bytes:
        """Return a random path, method and query."""
        path = self.rng.choice(PATHS).replace("{}", quote(self.text().encode("utf-8", "replace"), safe=""))
        names = ("top", "limit", "search", "after", "edge", "photo", "before", "explain", "together", "timeout_ms")
        query = "&".join(
            f"{self.rng.choice(names)}={quote(self.text().encode('utf-8', 'replace'))}"
            for _ in range(self.rng.randint(0, 3))
        )
        body = self.rng.choice(
            [b"", b"{}", b"[]", b"null", self.rng.randbytes(50), b'{"version": 99999999999999999999}']
        )
        kind = self.rng.choice(["application/json", "text/plain", "multipart/form-data", "image/png", ""])
        head = f"{self.rng.choice(METHODS)} {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}".encode()
        return self._sealed(head, body)

    def json(self) -> bytes:
        value: Any = self.rng.choice([None, 1, "x", [], {}, True, 1.5, self.text().replace("\ud800", ""), [[[]]], -1])
        photo = base64.b64encode(self.rng.choice(self.photos)).decode()
        body: dict[str, Any] = {"images": [{"content": photo, "name": "a"}], "top": 3}
        body[
            self.rng.choice(["images", "top", "together", "timeout_ms", "explain", "image", "version", "skus", "into"])
        ] = value
        text = json.dumps(body).encode()
        path = self.rng.choice(
            ["/v1/recognize", "/v1/gallery/merge", "/v1/gallery/rollback", "/v1/gallery/skus", "/v1/session"]
        )
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json".encode()
        return self._sealed(head, text if self.rng.random() < 0.7 else self.hurt(text))

    def form(self) -> bytes:
        parts = b"".join(
            b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
            % (
                self.rng.choice([b"image", b"photo", b"sku", b"top", b"strict", b"", b"a" * 3000]),
                self.rng.choice([b"", b'; filename="x"', b'; filename="../../x\x00"', b";;;="]),
                self.rng.choice([self.text().encode("utf-8", "replace"), self.rng.choice(self.photos), b""]),
            )
            for _ in range(self.rng.randint(0, 40))
        )
        body = parts + self.rng.choice([b"--B--\r\n", b"--B", b"", b"--B--\r\n--B--\r\n"])
        path = self.rng.choice([b"/v1/recognize", b"/v1/gallery/skus", b"/v1/corrections"])
        head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=B" % path
        return self._sealed(head, body)

    def noise(self) -> bytes:
        return self.rng.randbytes(self.rng.randint(1, 300)) + b"\r\n\r\n"

    def enrolment(self) -> bytes:
        body = json.dumps(
            {
                "sku": self.text().replace("\ud800", "")[:400],
                "photos": [{"content": base64.b64encode(self.hurt(self.rng.choice(self.photos))).decode()}],
                "strict": self.rng.choice([True, True, "x", None]),
            }
        ).encode()
        return self._sealed(
            b"POST /v1/gallery/skus HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json", body
        )

    def headers(self) -> bytes:
        line = f"{self.rng.choice(HEADERS)}: {self.rng.choice(VALUES)}\r\nConnection: close"
        head = f"GET {self.rng.choice(PATHS[:3])} HTTP/1.1\r\nHost: 127.0.0.1\r\n{line}\r\n\r\n"
        return head.encode("latin-1")


async def sent(port: int, request: bytes, rng: random.Random, patience_s: float) -> str:
    """Return the status of a request on a separate connection, or how the connection ended."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return "no connection"
    try:
        if rng.random() < 0.02:  # slow, and possibly disconnecting before the end
            for start in range(0, min(len(request), 2000), 200):
                writer.write(request[start : start + 200])
                await asyncio.sleep(0.01)
            if rng.random() < 0.5:
                return "hung up"
            request = request[2000:]
        writer.write(request)
        await writer.drain()
        if rng.random() < 0.02:
            return "hung up"
        head = await asyncio.wait_for(reader.readuntil(b"\r\n"), patience_s)
        return head[9:12].decode("latin-1")
    except asyncio.TimeoutError:
        return NO_ANSWER
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return "cut"
    finally:
        writer.close()


async def fuzzed(asked: argparse.Namespace, fuzz: Fuzz, port: int, process: int) -> dict[str, Any]:
    """Send the requests, 16 at a time."""
    found: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    faults: list[str] = []
    memory: list[float] = []
    numbers = iter(range(asked.requests))
    began = time.perf_counter()

    async def client(seed: int) -> None:
        rng = random.Random(seed)
        for number in numbers:
            kind, request = fuzz()
            status = await sent(port, request, rng, asked.patience)
            found[kind][status] += 1
            asked_for = status == "504" and b"timeout" in request.lower()
            if (status[:1] == "5" and not asked_for) or status in ("no connection", NO_ANSWER):
                faults.append(f"{kind} {status}: {request[:200]!r}")
            if number % max(1, asked.requests // 20) == 0:
                memory.append(round(processes.memory_mb(process), 1))
                print(number, memory[-1], len(faults), round(time.perf_counter() - began), file=sys.stderr, flush=True)

    await asyncio.gather(*(client(seed) for seed in range(16)))
    return {
        "statuses": {kind: dict(counts) for kind, counts in found.items()},
        "faults": faults[:20],
        "memory_mb": memory,
    }


def main() -> None:
    """Start a service and fuzz it."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("network", type=Path)
    words.add_argument("gallery", type=Path)
    words.add_argument("photos", type=Path)
    words.add_argument("--requests", type=int, default=100_000)
    words.add_argument("--seed", type=int, default=SEED)
    words.add_argument("--patience", type=float, default=60.0, help="seconds without an answer that count as a fault")
    words.add_argument("--serve", default="--engine onnx", help="additional options of the command")
    asked = words.parse_args()
    photos = processes.some_photos(asked.photos, 50, SEED)
    with tempfile.TemporaryDirectory() as folder:
        gallery, port = Path(folder) / "gallery", processes.free_port()
        shutil.copytree(asked.gallery, gallery)
        words_ = ("--gallery", gallery, *asked.serve.split())
        with processes.running(
            processes.serve(asked.network, port, Path(folder) / "state", *words_),
            port,
            "/healthz",
            Path(folder) / "log",
        ) as process:
            result = asyncio.run(fuzzed(asked, Fuzz(photos, asked.seed), port, process.pid))
            result["alive"] = process.poll() is None
        result["exit"] = process.returncode
        log = (Path(folder) / "log").read_text(encoding="utf-8", errors="replace")
        result["tracebacks"] = log.count("Traceback")
        result["log"] = log[-2000:] if result["tracebacks"] else ""
        result["gallery_faults"] = len(shelfmind.gallery_verify(str(gallery)))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

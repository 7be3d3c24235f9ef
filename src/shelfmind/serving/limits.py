"""How much one request, and all of them together, may take."""

from __future__ import annotations

from dataclasses import dataclass

from shelfmind.serving.proxies import Network

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this machine's own address."""


@dataclass(frozen=True)
class Limits:
    """Of the requests of one process.

    Attributes:
        body_bytes: of a request.
        bodies_bytes: of all requests whose bodies are in memory.
        images: of a request.
        pixels: of an image.
        timeout_s: after which a request is given up that says nothing itself.
        rate: requests a second of a caller; None: as many as there are.
        queue: images that may wait.
    """

    body_bytes: int = 32 * 2**20
    bodies_bytes: int = 512 * 2**20
    images: int = 64
    pixels: int = 50_000_000
    timeout_s: float = 30.0
    rate: float | None = None
    queue: int = 256


@dataclass(frozen=True)
class Access:
    """Who is let in.

    Attributes:
        hosts: the names under which requests may come; None: any.
        open: whether there need be no key as long as there never was one.
        port: what the cookie of a session is called by, as browsers share cookies among ports.
        proxies: whose word is taken for where a request comes from.
    """

    hosts: frozenset[str] | None = LOOPBACK
    open: bool = True
    port: int = 8000
    proxies: tuple[Network, ...] = ()

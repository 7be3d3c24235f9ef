"""Limits of single requests and of all requests together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from shelfmind.serving.proxies import Network

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names of the loopback interface."""


@dataclass(frozen=True)
class Limits:
    """Limits of the requests to one process.

    Attributes:
        body_bytes: maximum body size of a request.
        bodies_bytes: maximum total size of the bodies in memory.
        images: maximum number of images of a request.
        pixels: maximum number of pixels of an image.
        timeout_s: deadline in seconds of requests that set none.
        rate: maximum requests per second of a key, or of an address without one; None: unlimited.
        queue: maximum number of waiting images.
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
    """Who may access the service.

    Attributes:
        hosts: accepted host names; None: any.
        open: whether no key is needed as long as none was ever created.
        port: part of the session cookie's name, as browsers share cookies between ports.
        proxies: trusted proxies, whose X-Forwarded-For headers are used.
    """

    hosts: frozenset[str] | None = LOOPBACK
    open: bool = True
    port: int = 8000
    proxies: tuple[Network, ...] = ()

    def allows(self, host: str) -> bool:
        """Whether requests may name a host, as in a parsed URL."""
        return self._names is None or host in self._names

    @cached_property
    def _names(self) -> frozenset[str] | None:
        return None if self.hosts is None else frozenset(map(host_name, self.hosts))


def host_name(given: str) -> str:
    """Return a host as in a parsed URL: in lower case, and IPv6 addresses without brackets."""
    return given.lower().removeprefix("[").removesuffix("]")

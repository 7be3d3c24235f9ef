"""Authenticate callers by API key, by a session opened with a key, or as anonymous."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shelfmind.cookies import cookie_of
from shelfmind.serving.keys import ROLES, Key, Keys
from shelfmind.serving.limits import Access
from shelfmind.serving.problems import Problem
from shelfmind.serving.rates import Rates
from shelfmind.serving.session_secret import SessionSecret

ANONYMOUS = "anonymous"
SESSION_S = 12 * 3600
CLOCK_SKEW_S = 300
"""Tolerance for the expiry of sessions, as the clocks of replicas differ."""
MAX_FAILURES_PER_SECOND = 5.0
"""Maximum number of wrong keys per second from one address."""


@dataclass(frozen=True)
class Caller:
    """The caller of a request.

    Attributes:
        name: name of the key.
        role: role of the key; None: only requests that need no key are allowed.
        address: IP address.
        key_id: public id of the key, also of a session's; None: without a key.
        by_session: whether a cookie identified it. Browsers also send cookies with cross-site requests.
    """

    name: str
    role: str | None
    address: str
    key_id: str | None = None
    by_session: bool = False

    def may(self, role: str) -> bool:
        """Whether the caller has the rights of `role`."""
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)

    @property
    def in_log(self) -> Mapping[str, Any]:
        """The caller's fields in the audit log."""
        return {"who": self.name, "role": self.role, "address": self.address}

    @property
    def in_rates(self) -> str:
        """Whose requests count together for the rate limit: those with one key, or from one address without a key."""
        return f"address {self.address}" if self.key_id is None else f"key {self.key_id}"


class Authenticator:
    """Authenticates callers by their keys and opens sessions for browsers.

    A session consists of the key's public id, its expiry time and a signature by the secret stored next to the keys.
    All services that share the keys accept it, and revoking the key ends it. Sessions survive restarts, so they use
    the wall clock. A session that expires later than one opened now (because the clock was set back) is invalid.
    """

    def __init__(
        self, keys: Keys, access: Access, secret: SessionSecret, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.keys, self.access, self._secret = keys, access, secret
        self._had_keys = bool(keys.by_id())
        self._failures = Rates(MAX_FAILURES_PER_SECOND, clock)

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return f"shelfmind_{self.access.port}"

    @property
    def needs_key(self) -> bool:
        """Whether a key is required. Once a key has existed, revoking the last one does not open the service."""
        self._had_keys = self._had_keys or bool(self.keys.by_id())
        return self._had_keys or not self.access.open

    def caller(self, authorization: str | None, cookies: str | None, address: str) -> Caller | None:
        """Return the caller, or None for a wrong key."""
        needs_key = self.needs_key  # asked for every caller: a key that only clients with keys have used counts, too
        if authorization is not None:
            scheme, _, text = authorization.partition(" ")
            key = self.keys.of_text(text.strip()) if scheme.lower() == "bearer" else None
            return None if key is None else Caller(key.name, key.role, address, key.id)
        key = self._of_session(cookies) if cookies else None
        if key is not None:
            return Caller(key.name, key.role, address, key.id, by_session=True)
        return Caller(ANONYMOUS, None if needs_key else ROLES[-1], address)

    def wrong_key(self, address: str) -> Problem:
        """Return the error for an address that sent a wrong key in any form."""
        wait_s = self._failures.wait_s(address)
        if wait_s:
            return Problem(429, "too many wrong keys", "rate", wait_s)
        return Problem(401, "this key is unknown or has been revoked")

    def session_of(self, key: Key) -> str:
        """Return the session cookie's content for a browser that presented a key.

        Raises:
            UserError: the secret cannot be read or written.
        """
        until = int(time.time()) + SESSION_S
        return f"{key.id}.{until}.{_signature(self._secret.get_or_create(), key.id, until)}"

    def _of_session(self, cookies: str) -> Key | None:
        key_id, _, rest = cookie_of(cookies, self.cookie).partition(".")
        until, _, signature = rest.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 16):
            return None
        secret = self._secret.found()
        expected = None if secret is None else _signature(secret, key_id, int(until)).encode()
        if expected is None or not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
            return None
        left_s = int(until) - time.time()
        return self.keys.by_id().get(key_id) if 0 < left_s <= SESSION_S + CLOCK_SKEW_S else None


def _signature(secret: bytes, id: str, until: int) -> str:
    return hmac.new(secret, f"{id}.{until}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

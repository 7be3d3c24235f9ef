"""API keys: random ones of 256 bits, of which only a salted hash is kept, in a file that running services follow."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock

from shelfmind.errors import UserError, call, unknown_name
from shelfmind.files import exclusively, make_folder, status_of, write_json

FORMAT = 1
PREFIX = "sm"
ROLES = ("read", "write", "admin")
"""Each may do what the one before it may."""
OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Key:
    """What is kept of a key: its public `id`, whose it is, what it may do, when it was made (ISO 8601, UTC), and the
    SHA-256 of salt and secret. A slow hash would guard guessable secrets; 256 random bits cannot be guessed."""

    id: str
    name: str
    role: str
    created: str
    salt: str
    digest: str

    def fits(self, secret: str) -> bool:
        """Whether this is its secret; takes as long for any."""
        return hmac.compare_digest(_digest(self.salt, secret), self.digest)

    def may(self, role: str) -> bool:
        """Whether it may do what `role` may."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Keys:
    """The keys of a file, read again whenever it was changed."""

    def __init__(self, path: Path) -> None:
        """Raises `UserError` for a file that cannot be read."""
        self.path = path
        self._lock = Lock()
        self._read_at: tuple[int, ...] | None = None
        self._keys: Mapping[str, Key] = {}
        self.by_id()

    def by_id(self) -> Mapping[str, Key]:
        """All keys. Raises `UserError` for a file that cannot be read."""
        now = status_of(self.path)
        if now != self._read_at:
            with self._lock:
                self._keys, self._read_at = _read(self.path), now
        return self._keys

    def of_text(self, text: str) -> Key | None:
        """The key that this is, if it is one."""
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        found = self.by_id().get(key_id) if prefix == PREFIX else None
        return found if found is not None and found.fits(secret) else None


def add_key(path: Path, name: str, role: str) -> str:
    """Make a key and keep its hash; the key itself is nowhere but in what this returns.

    Raises:
        UserError: a name that has a key, or is not printable; a file that cannot be read or written.
    """
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise UserError(f"a key's name must be printable, without blanks at its ends, got {name!r}")
    key_id, secret, salt = secrets.token_hex(4), secrets.token_urlsafe(32), secrets.token_hex(16)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    made = Key(key_id, name, role, now, salt, _digest(salt, secret))
    make_folder(path.parent)
    with exclusively(_lock_of(path)):
        keys = dict(_read(path))
        if any(key.name == name for key in keys.values()):
            how = call("keys_revoke", name=name)
            raise UserError(f"'{name}' has a key already; choose another name, or revoke that one: {how}")
        _write(path, {**keys, key_id: made})
    return f"{PREFIX}_{key_id}_{secret}"


def revoke_key(path: Path, name: str) -> Key:
    """Forget a key; services that run refuse it from now on.

    Raises:
        UserError: nobody of this name has one; a file that cannot be read or written.
    """
    if not path.exists():
        raise UserError(f"there are no keys at {path}")
    with exclusively(_lock_of(path)):
        keys = dict(_read(path))
        found = next((key for key in keys.values() if key.name == name), None)
        if found is None:
            raise unknown_name("key", name, [key.name for key in keys.values()])
        del keys[found.id]
        _write(path, keys)
    return found


def _lock_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def _digest(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}{secret}".encode("utf-8", "surrogateescape")).hexdigest()


def _read(path: Path) -> Mapping[str, Key]:
    try:
        known = json.loads(path.read_bytes())
        if known["format"] > FORMAT:
            raise UserError(f"{path} was written by a newer shelfmind (format {known['format']}); update shelfmind")
        return {each["id"]: Key(**each) for each in known["keys"]}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is no file of keys: {error}; put it back from a copy, or delete it") from error


def _write(path: Path, keys: Mapping[str, Key]) -> None:
    write_json(path, {"format": FORMAT, "keys": [asdict(key) for key in keys.values()]}, OWNER_ONLY)

"""API keys of 256 random bits. Only their salted hashes are stored, in a file that running services follow."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock

from shelfmind.errors import UserError, call, unknown_name
from shelfmind.files import exclusively, make_folder, status_of, write_json
from shelfmind.structured_text import parse_json

FORMAT = 1
PREFIX = "sm"
ROLES = ("read", "write", "admin")
"""Each role includes the rights of the one before it."""
OWNER_ONLY = 0o600


@dataclass(frozen=True)
class Key:
    """The stored record of a key: its public `id`, name, role, time of creation (ISO 8601, UTC) and the SHA-256 of
    salt and secret. A slow hash is not needed: it protects guessable secrets, and 256 random bits are not."""

    id: str
    name: str
    role: str
    created: str
    salt: str
    digest: str

    def fits(self, secret: str) -> bool:
        """Whether this is the key's secret, compared in constant time."""
        return hmac.compare_digest(_digest(self.salt, secret), self.digest)

    def may(self, role: str) -> bool:
        """Whether the key has the rights of `role`."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Keys:
    """The keys of a file, which is reloaded whenever it changes."""

    def __init__(self, path: Path) -> None:
        """Raises `UserError` if the file cannot be read."""
        self.path = path
        self._lock = Lock()
        self._read_at: tuple[int, ...] | None = None
        self._keys: Mapping[str, Key] = {}
        self.by_id()

    def by_id(self) -> Mapping[str, Key]:
        """Return all keys by id. Raises `UserError` if the file cannot be read."""
        now = status_of(self.path)
        if now != self._read_at:
            with self._lock:
                self._keys, self._read_at = _read(self.path), now
        return self._keys

    def of_text(self, text: str) -> Key | None:
        """Return the record of a key, or None if it is not valid."""
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        found = self.by_id().get(key_id) if prefix == PREFIX else None
        return found if found is not None and found.fits(secret) else None


def add_key(path: Path, name: str, role: str) -> str:
    """Create a key and store its hash. The key itself exists only in the return value.

    Raises:
        UserError: the name already has a key or is not printable, or the file cannot be read or written.
    """
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise UserError(f"a key's name must be printable, without leading or trailing spaces, got {name!r}")
    key_id, secret, salt = secrets.token_hex(4), secrets.token_urlsafe(32), secrets.token_hex(16)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    made = Key(key_id, name, role, now, salt, _digest(salt, secret))
    make_folder(path.parent)
    with exclusively(_lock_of(path)):
        keys = dict(_read(path))
        if any(key.name == name for key in keys.values()):
            how = call("keys_revoke", name=name)
            raise UserError(f"'{name}' already has a key; choose another name, or revoke that key: {how}")
        _write(path, {**keys, key_id: made})
    return f"{PREFIX}_{key_id}_{secret}"


def revoke_key(path: Path, name: str) -> Key:
    """Revoke a key. Running services refuse it from now on.

    Raises:
        UserError: there is no key of this name, or the file cannot be read or written.
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
        known = parse_json(path.read_bytes())
        if known["format"] > FORMAT:
            raise UserError(f"{path} was written by a newer shelfmind (format {known['format']}); update shelfmind")
        return {each["id"]: Key(**each) for each in known["keys"]}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is not a file of keys: {error}; restore it from a backup or delete it") from error


def _write(path: Path, keys: Mapping[str, Key]) -> None:
    write_json(path, {"format": FORMAT, "keys": [asdict(key) for key in keys.values()]}, OWNER_ONLY)

"""The secret that signs browser sessions. It is stored next to the keys, survives restarts and is shared."""

from __future__ import annotations

import base64
import binascii
import secrets
from pathlib import Path
from threading import Lock

from shelfmind.errors import UserError
from shelfmind.files import exclusively, make_folder, status_of, write_text
from shelfmind.serving.keys import OWNER_ONLY

BYTES = 32


class SessionSecret:
    """A secret in a file that only its owner can read, generated when a service first needs it.

    It is reloaded when the file changes. Deleting the file ends all sessions.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._read_at: tuple[int, ...] | None = None
        self._known: bytes | None = None

    def found(self) -> bytes | None:
        """Return the secret, or None if there is none yet. Raises `UserError` for an invalid file."""
        now = status_of(self.path)
        if now != self._read_at:
            with self._lock:
                self._known, self._read_at = _read(self.path), now
        return self._known

    def get_or_create(self) -> bytes:
        """Return the secret, generated if needed. Raises `UserError` if it cannot be read or written."""
        known = self.found()
        if known is not None:
            return known
        make_folder(self.path.parent)
        with exclusively(self.path.with_name(f".{self.path.name}.lock")):
            known = _read(self.path)
            if known is None:
                known = secrets.token_bytes(BYTES)
                write_text(self.path, base64.b64encode(known).decode() + "\n", mode=OWNER_ONLY)
        return known


def _read(path: Path) -> bytes | None:
    try:
        found = base64.b64decode(path.read_bytes().strip(), validate=True)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except binascii.Error:
        found = b""
    if len(found) != BYTES:
        raise UserError(f"{path} is not a session secret; delete it (users will have to sign in again)")
    return found

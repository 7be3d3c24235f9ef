"""The current user."""

from __future__ import annotations

import getpass


def login_name(default: str = "somebody") -> str:
    """The login name; `default` if the system has none for this user, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return default

"""Implementation of `keys add`, `keys list` and `keys revoke`."""

from __future__ import annotations

from shelfmind.machine.login import login_name
from shelfmind.requests.calling import takes
from shelfmind.requests.serving import KeysAddRequest, KeysListRequest, KeysRevokeRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.serving.audit_log import DONE, AuditLog
from shelfmind.serving.keys import Key, Keys, add_key, revoke_key
from shelfmind.serving.state import State, state_of


@takes(KeysAddRequest)
def add(request: KeysAddRequest, watcher: Observer = SILENT) -> str:
    """Create an API key.

    Returns:
        The key. It is not stored anywhere.

    Raises:
        UserError: the name already has a key, or the file cannot be written.
    """
    state = state_of(request.state)
    made = add_key(state.keys, request.name, request.role)
    _log(state, "keys.add", request.name)
    return made


@takes(KeysListRequest)
def list_keys(request: KeysListRequest, watcher: Observer = SILENT) -> list[Key]:
    """List the API keys.

    Returns:
        The name, role and date of each key, but not the keys themselves, which are not stored.

    Raises:
        UserError: the file cannot be read.
    """
    return list(Keys(state_of(request.state).keys).by_id().values())


@takes(KeysRevokeRequest)
def revoke(request: KeysRevokeRequest, watcher: Observer = SILENT) -> Key:
    """Revoke an API key.

    Returns:
        The revoked key's record.

    Raises:
        UserError: there is no key of this name (with similar names), or the file cannot be written.
    """
    state = state_of(request.state)
    gone = revoke_key(state.keys, request.name)
    _log(state, "keys.revoke", request.name)
    return gone


def _log(state: State, action: str, name: str) -> None:
    AuditLog(state.audit_log).append(
        DONE, {"who": login_name(), "role": "owner", "address": "here"}, action, {"key": name}
    )

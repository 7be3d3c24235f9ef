"""What `keys add`, `keys list` and `keys revoke` do."""

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
    """Make a key.

    Returns:
        The key, which is kept nowhere.

    Raises:
        UserError: a name that has a key already, or a file that cannot be written.
    """
    state = state_of(request.state)
    made = add_key(state.keys, request.name, request.role)
    _log(state, "keys.add", request.name)
    return made


@takes(KeysListRequest)
def list_keys(request: KeysListRequest, watcher: Observer = SILENT) -> list[Key]:
    """The keys that there are.

    Returns:
        Name, role and date of each; not the keys themselves, which nobody knows.

    Raises:
        UserError: a file that cannot be read.
    """
    return list(Keys(state_of(request.state).keys).by_id().values())


@takes(KeysRevokeRequest)
def revoke(request: KeysRevokeRequest, watcher: Observer = SILENT) -> Key:
    """Forget a key.

    Returns:
        What it was.

    Raises:
        UserError: nobody of this name has one (with the nearest names), or a file that cannot be written.
    """
    state = state_of(request.state)
    gone = revoke_key(state.keys, request.name)
    _log(state, "keys.revoke", request.name)
    return gone


def _log(state: State, action: str, name: str) -> None:
    AuditLog(state.audit_log).append(
        DONE, {"who": login_name(), "role": "owner", "address": "here"}, action, {"key": name}
    )

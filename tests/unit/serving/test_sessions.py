"""Sessions outlive a restart, count at every replica, and end with their key or the secret."""

from __future__ import annotations

import stat
import threading
import time

import pytest

from shelfmind.errors import UserError
from shelfmind.serving import callers
from shelfmind.serving.keys import add_key, revoke_key
from shelfmind.serving.session_secret import BYTES, SessionSecret


@pytest.fixture
def place(tmp_path):
    return tmp_path / "state" / "session.secret"


def test_a_secret_is_drawn_once_for_its_owner_alone(place):
    assert SessionSecret(place).found() is None
    assert not place.exists()
    one, other = SessionSecret(place), SessionSecret(place)
    found = []
    threads = [
        threading.Thread(target=lambda each=each: found.append(each.get_or_create())) for each in (one, other) * 8
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found[0]) == BYTES
    assert one.found() == other.found() == SessionSecret(place).get_or_create() == found[0]
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"AAAA", b"\xff" * 44])
def test_a_damaged_secret_is_no_secret(place, content):
    place.parent.mkdir()
    place.write_bytes(content)
    with pytest.raises(UserError, match="is not a session secret; delete it"):
        SessionSecret(place).get_or_create()


def test_a_session_counts_after_a_restart_and_at_other_replicas(make_service, client, place):
    keys = place.with_name("keys.json")
    key = add_key(keys, "经理", "write")
    first = client(make_service())
    assert first.post("/v1/session", json={"key": key}).status_code == 204
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in first.cookies.items())}
    replica = client(make_service())
    assert replica.get("/v1/session", headers=cookies).json()["name"] == "经理"
    revoke_key(keys, "经理")
    for each in (first, replica):
        assert each.get("/v1/model", headers=cookies).status_code == 401


def test_without_the_secret_all_sessions_are_over(make_service, client, place):
    key = add_key(place.with_name("keys.json"), "tills", "read")
    web = client(make_service())
    web.post("/v1/session", json={"key": key})
    assert web.get("/v1/model").status_code == 200
    place.unlink()
    assert web.get("/v1/model").status_code == 401
    web.post("/v1/session", json={"key": key})
    assert web.get("/v1/model").status_code == 200


DAY = 24 * 3600


@pytest.fixture
def wall_clock(monkeypatch):
    """Sets this machine's clock, for sessions; durations do not follow it."""
    real, ahead = time.time, [0.0]
    monkeypatch.setattr("time.time", lambda: real() + ahead[0])
    return lambda seconds: ahead.__setitem__(0, seconds)


@pytest.mark.parametrize(
    ("ahead", "status"),
    [
        (callers.SESSION_S - 60, 200),
        (callers.SESSION_S + 60, 401),
        (DAY, 401),
        (-60, 200),
        (-callers.CLOCK_SKEW_S - 60, 401),
        (-DAY, 401),
    ],
)
def test_no_clock_makes_a_session_last_longer(make_service, client, place, wall_clock, ahead, status):
    key = add_key(place.with_name("keys.json"), "tills", "read")
    web = client(make_service())
    web.post("/v1/session", json={"key": key})
    held = {"Cookie": "; ".join(f"{name}={value}" for name, value in web.cookies.items())}
    wall_clock(ahead)
    assert web.get("/v1/model", headers=held).status_code == status
    assert web.post("/v1/session", json={"key": key}, headers={"X-Shelfmind": "1"}).status_code == 204
    held = {"Cookie": "; ".join(f"{name}={value}" for name, value in web.cookies.items())}
    assert web.get("/v1/model", headers=held).status_code == 200


@pytest.mark.parametrize("before_start", [True, False])
def test_a_key_that_only_programs_have_used_does_not_open_the_service_when_it_is_revoked(
    tmp_path, make_service, before_start
):
    """Programs send their key in a header: nobody may have asked whether one is needed."""
    if before_start:
        text = add_key(tmp_path / "state" / "keys.json", "tills", "read")
    authenticator = make_service().authenticator
    if not before_start:
        text = add_key(tmp_path / "state" / "keys.json", "tills", "read")
    assert authenticator.caller(f"Bearer {text}", None, "1.2.3.4").role == "read"
    revoke_key(tmp_path / "state" / "keys.json", "tills")
    assert authenticator.caller(f"Bearer {text}", None, "1.2.3.4") is None
    assert authenticator.caller(None, None, "1.2.3.4").role is None

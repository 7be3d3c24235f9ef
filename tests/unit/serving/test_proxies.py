"""Whose word is taken for where a request comes from."""

from __future__ import annotations

import pytest

from shelfmind.errors import UserError
from shelfmind.serving.limits import Access
from shelfmind.serving.proxies import client_address, networks

TRUSTED = networks(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # no proxy of ours: it may write what it likes
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),  # the client wrote the first one
        ("10.0.0.1", ["192.0.2.66, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.66", "198.51.100.1"], "198.51.100.1"),  # two headers are one
        ("10.0.0.1", ["10.0.0.7, 10.0.0.2"], "10.0.0.7"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["nonsense, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::1", [" 198.51.100.1 ,, "], "198.51.100.1"),
        ("unknown", ["198.51.100.1"], "unknown"),
        ("10.0.0.1", ["\xff"], "10.0.0.1"),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_counts(peer, forwarded, address):
    headers = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
    assert client_address(peer, [(b"host", b"here"), *headers], TRUSTED) == address


@pytest.mark.parametrize("wrong", ["", "proxy", "10.0.0.0/33", "*"])
def test_what_is_no_network_is_refused(wrong):
    with pytest.raises(UserError, match="is not an address or network of proxies"):
        networks([wrong])


def tries(web, forwarded, number=12):
    """Statuses of wrong keys."""
    headers = {"Authorization": "Bearer sm_x_y", "X-Forwarded-For": forwarded}
    return [web.get("/v1/model", headers=headers).status_code for _ in range(number)]


def test_wrong_keys_slow_down_whoever_sends_them_and_nobody_else_behind_the_proxy(make_service, client):
    access = Access(proxies=networks(["10.0.0.1"]))
    web = client(make_service(access=access), lambda: 0.0, client=("10.0.0.1", 5))
    assert tries(web, "198.51.100.1")[-1] == 429
    assert tries(web, "198.51.100.2", 1) == [401]
    assert tries(web, "192.0.2.1, 198.51.100.1", 1) == [429]  # forging the first address does not help


def test_nobody_gets_further_tries_by_a_header_that_is_not_believed(make_service, client):
    for access in (Access(), Access(proxies=networks(["10.0.0.1"]))):
        web = client(make_service(access=access), lambda: 0.0, client=("203.0.113.9", 5))
        found = [tries(web, f"198.51.100.{number}", 1)[0] for number in range(12)]
        assert found[-1] == 429

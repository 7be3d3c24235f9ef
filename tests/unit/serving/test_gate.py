"""Who is let in: by key, role, session, host, origin and rate; and what every answer carries."""

from __future__ import annotations

import json
import stat

import pytest

from shelfmind.errors import UserError
from shelfmind.serving.keys import Keys, add_key, revoke_key
from shelfmind.serving.limits import Access, Limits
from shelfmind.serving.proxies import networks
from shelfmind.serving.rates import Rates


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def keys(tmp_path):
    """One key a role."""
    return {role: add_key(tmp_path / "state" / "keys.json", f"{role}er", role) for role in ("read", "write", "admin")}


def test_a_key_is_kept_as_a_hash_for_its_owner_alone(tmp_path):
    path = tmp_path / "new" / "keys.json"
    key = add_key(path, "收银台", "read")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.split("_", 2)[2] not in path.read_text()
    found = Keys(path)
    assert found.of_text(key).name == "收银台"
    for wrong in ("", key[:-1], key.upper(), key + "x", "sm__", "sm_" + "0" * 8 + "_x", "\ud800"):
        assert found.of_text(wrong) is None
    with pytest.raises(UserError, match="already has a key"):
        add_key(path, "收银台", "admin")
    with pytest.raises(UserError, match="did you mean 收银台"):
        revoke_key(path, "收银")
    revoke_key(path, "收银台")
    assert found.of_text(key) is None
    path.write_text("{}")
    with pytest.raises(UserError, match="is not a file of keys"):
        found.by_id()


def test_roles(make_service, client, gallery, keys):
    web = client(make_service(gallery))
    merge = {"json": {"skus": ["yellow 500 ml"], "into": "yellow"}}
    asked = [("GET", "/v1/model", {}), ("POST", "/v1/gallery/merge", merge), ("POST", "/v1/model/reload", {})]
    found = {
        role: [web.request(method, path, headers=bearer(key), **more).status_code for method, path, more in asked]
        for role, key in keys.items()
    }
    assert found == {"read": [200, 403, 403], "write": [200, 200, 403], "admin": [200, 404, 200]}
    for headers in ({}, bearer("sm_x_y"), {"Authorization": "Basic eDp5"}):
        answer = web.get("/v1/model", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert web.get("/metrics").status_code == 401
    assert web.get("/healthz").status_code == web.get("/readyz").status_code == 200


def test_without_keys_this_machine_may_do_all_until_there_was_one(make_service, client, tmp_path):
    web = client(make_service())
    assert web.post("/v1/model/reload").status_code == 200
    path = tmp_path / "state" / "keys.json"
    add_key(path, "first", "read")
    assert web.get("/v1/model").status_code == 401
    revoke_key(path, "first")
    assert web.get("/v1/model").status_code == 401
    assert client(make_service(access=Access(None, open=False))).get("/v1/model").status_code == 401


def test_a_session_needs_the_page_and_ends_with_its_key(make_service, client, keys, tmp_path):
    web = client(make_service())
    assert web.get("/v1/session").json() == {"name": "anonymous", "role": None, "needs_key": True}
    assert web.post("/v1/session", json={"key": "sm_x_y"}).status_code == 401
    opened = web.post("/v1/session", json={"key": keys["admin"]})
    assert opened.status_code == 204
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(opened.headers["set-cookie"].split("; "))
    assert web.get("/v1/session").json() == {"name": "adminer", "role": "admin", "needs_key": True}
    assert web.post("/v1/model/reload").status_code == 403
    assert web.post("/v1/model/reload", headers={"X-Shelfmind": "1"}).status_code == 200
    name, value = next(iter(web.cookies.items()))
    for forged in (value[:-1] + ("1" if value[-1] == "0" else "0"), value.replace(".", ".9", 1), "..", "a.b.c", "é"):
        other = client(make_service())
        assert other.get("/v1/model", headers={"Cookie": f"{name}={forged}".encode()}).status_code == 401
    revoke_key(tmp_path / "state" / "keys.json", "adminer")
    assert web.get("/v1/model").status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:8000"}, 421),
        ({"Host": "[::1"}, 421),
        ({"Host": "localhost:8000"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_another_site_or_name_is_refused(make_service, client, headers, status):
    assert client(make_service()).post("/v1/model/reload", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("Shop.Local", "shop.local:8000"),
        ("shop.local", "SHOP.Local"),
        ("[FE80::1]", "[fe80::1]:8000"),
        ("fe80::1", "[FE80::1]"),
    ],
)
def test_an_allowed_host_counts_however_it_is_written(make_service, client, allowed, host):
    web = client(make_service(access=Access(frozenset({allowed}))))
    assert web.get("/v1/session", headers={"Host": host}).status_code == 200
    assert web.get("/v1/session").status_code == 421


def test_every_answer_is_safe_for_browsers(make_service, client):
    web = client(make_service(), raise_server_exceptions=False)
    answers = [web.get("/v1/model"), web.get("/nothing"), web.options("/v1/model"), web.put("/v1/recognize")]
    assert [each.status_code for each in answers] == [200, 404, 405, 405]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert all(each.headers["content-type"] == "application/problem+json" for each in answers[1:])


def test_a_fault_of_ours_tells_nothing(make_service, client, monkeypatch, caplog):
    service = make_service()
    monkeypatch.setattr(type(service.models), "reload", lambda self: 1 / 0)
    answer = client(service, raise_server_exceptions=False).post("/v1/model/reload")
    assert answer.status_code == 500
    assert answer.json()["request_id"] in answer.json()["detail"]
    assert "ZeroDivision" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_a_caller_may_ask_so_often(make_service, client):
    now = [0.0]
    web = client(make_service(limits=Limits(rate=0.01)), lambda: now[0])
    found = [web.get("/v1/session") for _ in range(3)]
    assert [each.status_code for each in found] == [200, 429, 429]
    assert found[-1].headers["retry-after"] == "100"
    assert web.get("/healthz").status_code == 200
    now[0] += 99.5
    assert web.get("/v1/session").headers["retry-after"] == "1"
    now[0] += 1.5
    assert web.get("/v1/session").status_code == 200


def test_those_without_a_key_are_told_apart_by_address(make_service, client, tmp_path):
    access = Access(proxies=networks(["10.0.0.1"]))
    web = client(make_service(limits=Limits(rate=0.01), access=access), lambda: 0.0, client=("10.0.0.1", 5))

    def ask(address: str, **headers: str) -> int:
        return web.get("/v1/session", headers={"X-Forwarded-For": address, **headers}).status_code

    assert [ask("198.51.100.1") for _ in range(2)] == [200, 429]
    assert ask("198.51.100.2") == 200
    key = add_key(tmp_path / "state" / "keys.json", "anonymous", "read")
    assert [ask("198.51.100.1", **bearer(key)) for _ in range(2)] == [200, 429]
    assert ask("198.51.100.3", **bearer(key)) == 429
    assert ask("198.51.100.3") == 200


@pytest.mark.parametrize("in_parts", [False, True])
def test_without_a_key_and_to_sign_in_bodies_are_small(make_service, client, keys, in_parts):
    web = client(make_service())

    def post(path: str, size: int, **headers: str) -> int:
        body = json.dumps({"key": "x" * (size - len('{"key": ""}'))}).encode()
        content = (body[start : start + 1000] for start in range(0, size, 1000)) if in_parts else body
        return web.post(path, content=content, headers={"Content-Type": "application/json", **headers}).status_code

    assert [post("/v1/session", size) for size in (4096, 4097)] == [422, 413]
    assert [post("/v1/session", size, **bearer(keys["admin"])) for size in (4096, 4097)] == [422, 413]
    assert post("/v1/gallery/merge", 4097, **bearer(keys["admin"])) == 422


def test_those_without_a_key_take_no_memory_for_uploads_from_others(make_service, client, keys, photo):
    web = client(make_service(limits=Limits(bodies_bytes=100)))
    assert web.post("/v1/session", json={"key": "x" * 200}).status_code == 401
    upload = {"content": photo((1, 2, 3)), "headers": {"Content-Type": "image/jpeg", **bearer(keys["read"])}}
    assert web.post("/v1/recognize", **upload).status_code == 429


def test_wrong_keys_are_slowed_down_however_they_are_sent(make_service, client, keys):
    now = [0.0]
    web = client(make_service(clock=lambda: now[0]))

    def try_both(number: int) -> list[int]:
        header = web.get("/v1/model", headers=bearer("sm_x_y"))
        session = web.post("/v1/session", json={"key": f"sm_x_{number}"})
        return [header.status_code, session.status_code]

    found = [status for number in range(8) for status in try_both(number)]
    assert found == [401] * 10 + [429] * 6
    refused = web.post("/v1/session", json={"key": "sm_x_y"})
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["detail"] == "too many wrong keys"
    now[0] += 0.2
    assert try_both(9) == [401, 429]
    assert web.post("/v1/session", json={"key": keys["read"]}).status_code == 204


def test_a_bucket_fills_again_whatever_the_clock_does():
    now = [100.0]
    rates = Rates(10, lambda: now[0])
    assert [rates.wait_s("a") for _ in range(21)][-1] == pytest.approx(0.1)
    assert rates.wait_s("b") == 0
    now[0] += 0.1
    assert rates.wait_s("a") == 0
    assert rates.wait_s("a") > 0


def test_the_description_is_whole(make_service, client):
    found = client(make_service()).get("/v1/openapi.json").json()
    assert "HTTPValidationError" not in json.dumps(found)
    for path, operations in found["paths"].items():
        for method, each in operations.items():
            for status, response in each["responses"].items():
                if status[0] in "45":
                    assert list(response["content"]) == ["application/problem+json"], (path, method, status)

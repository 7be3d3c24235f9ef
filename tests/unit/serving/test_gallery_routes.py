"""The gallery over HTTP: every change is one version, in the history and in the audit log, and counts at once."""

from __future__ import annotations

import io
import json
from urllib.parse import quote

import pytest
from PIL import Image

from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.stores import open_files

PINK = (240, 20, 200)


def log_of(tmp_path):
    return [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]


def enrolled(web, photo, sku="pink 1 l", colour=PINK, seeds=(5, 6, 7), **fields):
    files = [("photo", (f"../{seed}.jpg", photo(colour, seed))) for seed in seeds]
    return web.post("/v1/gallery/skus", files=files, data={"sku": sku, "strict": "false", **fields})


def test_what_is_enrolled_is_known_at_once(make_service, client, gallery, photo, tmp_path):
    web = client(make_service(gallery))
    made = enrolled(web, photo, reason="spring range")
    assert made.status_code == 201, made.text
    assert made.json()["gallery"]["products"] == 2
    version = made.json()["version"]
    found = web.post("/v1/recognize", files={"image": ("x.jpg", photo(PINK, 99))}).json()
    assert found["answers"][0]["answer"] == "pink 1 l"
    assert found["answers"][0]["candidates"][0]["reference"]["photo"] in ("5.jpg", "6.jpg", "7.jpg")
    assert found["model"]["gallery_version"] == version
    again = enrolled(web, photo)
    assert (again.status_code, again.json()["version"]) == (200, None)
    asked, done = log_of(tmp_path)[:2]
    assert (asked["event"], done["event"], done["version"]) == ("asked", "done", version)
    assert done["who"] == "anonymous"
    assert done["photos"] == ["5.jpg", "6.jpg", "7.jpg"]
    change = web.get("/v1/gallery/history?limit=1").json()["changes"][0]
    assert (change["author"], change["reason"], change["version"]) == ("anonymous", "spring range", version)


def test_a_strict_enrolment_shows_what_the_guard_finds(make_service, client, gallery, photo, tmp_path):
    web = client(make_service(gallery))
    copy = [("photo", ("copy.jpg", photo((230, 220, 20), 0)))]
    refused = web.post("/v1/gallery/skus", files=copy, data={"sku": "other"})
    assert refused.status_code == 409
    found = refused.json()
    assert found["type"] == "urn:shelfmind:findings"
    assert "two_products" in {each["kind"] for each in found["findings"]}
    assert any("yellow 500 ml" in each for each in found["warnings"])
    assert log_of(tmp_path)[-1]["event"] == "refused"
    assert web.get("/v1/gallery").json()["products"] == 1
    taken = web.post("/v1/gallery/skus", files=copy, data={"sku": "other", "strict": "false"})
    assert taken.status_code == 201
    assert {each["kind"] for each in taken.json()["findings"]} == {each["kind"] for each in found["findings"]}


def test_changes_and_the_way_back(make_service, client, gallery, photo):
    web = client(make_service(gallery))
    name = "a/b c+ü 库"
    before = enrolled(web, photo, sku=name).json()["version"]
    path = f"/v1/gallery/skus/{quote(name, safe='')}"
    photos = web.get(path).json()["photos"]
    assert len(photos) == 3
    assert web.delete(f"{path}?photo={photos[0]['sha256'][:12]}").json()["gallery"]["photos"] == 5
    assert web.patch(path, json={"name": "pink"}).status_code == 200
    assert web.patch("/v1/gallery/skus/pink", json={"name": "yellow 500 ml"}).status_code == 409
    assert web.post("/v1/gallery/merge", json={"skus": ["pink"], "into": "yellow 500 ml"}).status_code == 200
    assert web.get("/v1/gallery").json()["products"] == 1
    assert web.post("/v1/gallery/rollback", json={"version": before}).json()["gallery"]["photos"] == 6
    assert web.get(path).json()["photos"] == photos
    kinds = [each["kind"] for each in web.get("/v1/gallery/history").json()["changes"]]
    assert kinds[:5] == ["rollback", "merge", "rename", "remove", "add"]
    assert len(Gallery(open_files(gallery)).state.history) == len(kinds)


def test_products_are_listed_and_found(make_service, client, gallery, photo):
    web = client(make_service(gallery))
    for sku in ("Alpha", "beta", "gamma"):
        enrolled(web, photo, sku=sku, colour=(10 * len(sku), 90, ord(sku[0])), seeds=(ord(sku[0]),))
    first = web.get("/v1/gallery/skus?limit=2").json()
    assert [each["sku"] for each in first["skus"]] == ["Alpha", "beta"]
    rest = web.get("/v1/gallery/skus", params={"after": first["next"]}).json()
    assert [each["sku"] for each in rest["skus"]] == ["gamma", "yellow 500 ml"]
    assert rest["next"] is None
    assert web.get("/v1/gallery/skus?search=ALP").json()["total"] == 1


def test_photos_are_shown_small_and_anew(make_service, client, gallery):
    web = client(make_service(gallery))
    cover = web.get("/v1/gallery/skus").json()["skus"][0]["cover"]
    shown = web.get(f"/v1/gallery/photos/{cover}?edge=64")
    assert shown.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(shown.content)).size) <= 64
    tag = shown.headers["etag"]
    assert web.get(f"/v1/gallery/photos/{cover}?edge=64", headers={"If-None-Match": tag}).status_code == 304
    assert web.get(f"/v1/gallery/photos/{'0' * 64}").status_code == 404
    for bad in (f"{cover}?edge=7", "..%2F..%2Fchanges", "x"):
        assert web.get(f"/v1/gallery/photos/{bad}").status_code in (404, 422)


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/v1/gallery/skus/yelow%20500%20ml", {}, 404),
        ("DELETE", "/v1/gallery/skus/nobody", {}, 404),
        ("DELETE", "/v1/gallery/skus/yellow%20500%20ml?photo=nothing", {}, 404),
        ("PATCH", "/v1/gallery/skus/nobody", {"json": {"name": "x"}}, 404),
        ("PATCH", "/v1/gallery/skus/yellow%20500%20ml", {"json": {"name": " x"}}, 422),
        ("PATCH", "/v1/gallery/skus/yellow%20500%20ml", {"json": {"other": "x"}}, 422),
        ("POST", "/v1/gallery/merge", {"json": {"skus": [], "into": "x"}}, 422),
        ("POST", "/v1/gallery/rollback", {"json": {"version": 99}}, 404),
        ("POST", "/v1/gallery/rollback", {"json": {"version": "x"}}, 422),
        ("POST", "/v1/gallery/skus", {"data": {"sku": "x"}, "files": {"photo": ("a", b"")}}, 422),
        ("POST", "/v1/gallery/skus", {"data": {"sku": "x\ny"}, "files": {"photo": ("a", b"z")}}, 422),
        ("POST", "/v1/gallery/skus", {"json": {"sku": "x"}}, 422),
    ],
)
def test_what_cannot_be_done_is_a_problem_and_changes_nothing(
    make_service, client, gallery, method, path, more, status
):
    web = client(make_service(gallery), raise_server_exceptions=False)
    before = web.get("/v1/gallery").json()
    answer = web.request(method, path, **more)
    assert answer.status_code == status, answer.text
    assert answer.json()["status"] == status
    assert web.get("/v1/gallery").json() == before


@pytest.mark.parametrize("name", ["Vitamin C /Zink", "/1 Saft", "~/cola", "../x", "'/a'", "a (/b)", "/ /c", "/", "/茶"])
def test_a_name_like_a_path_is_a_conflict_like_any_other(make_service, client, gallery, photo, name):
    web = client(make_service(gallery))
    assert enrolled(web, photo, sku=name).status_code == 201
    answer = web.patch("/v1/gallery/skus/yellow%20500%20ml", json={"name": name})
    assert answer.status_code == 409, answer.text
    assert answer.json()["detail"] == f"there is already a product '{name}'; to combine the two, merge them"
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("sku", ["pink 1 l", "/", "tmp", "cannot be written"])
def test_answers_name_no_place_of_this_machine(make_service, client, gallery, photo, monkeypatch, caplog, sku):
    web = client(make_service(gallery))
    monkeypatch.setattr("os.link", lambda *names: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    answer = enrolled(web, photo, sku=sku)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert str(gallery) not in answer.text
    assert str(gallery) in caplog.text


def test_without_a_gallery_there_is_none(make_service, client):
    answer = client(make_service()).get("/v1/gallery/skus")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:shelfmind:no-gallery")

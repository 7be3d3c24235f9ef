"""The page's files: each is in the table, is served to anybody, and asks for nothing from elsewhere."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from shelfmind.serving.limits import Access
from shelfmind.serving.routes.web_page import PAGE, POLICY

SCRIPTS = {path: file.content.decode() for path, file in PAGE.items() if path.endswith(".js")}
OURS = {path: text for path, text in SCRIPTS.items() if "/look/" not in path}


def test_the_table_has_all_that_there_is():
    folder = files("shelfmind").joinpath("serving/page")
    there = {"/" if path.name == "index.html" else f"/page/{path.name}" for path in folder.iterdir()}
    assert {path for path in PAGE if "/look/" not in path} == there


def test_it_is_served_to_anybody_under_its_policy(make_service, client):
    service = make_service(access=Access(frozenset({"127.0.0.1"}), False, 8000))
    web = client(service)
    assert web.get("/v1/model").status_code == 401
    for path, file in PAGE.items():
        found = web.get(path)
        assert found.status_code == 200, path
        assert found.content == file.content
        assert found.headers["content-type"] == file.media_type
        assert found.headers["content-security-policy"] == POLICY
        again = web.get(path, headers={"If-None-Match": found.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for path in ("/page/", "/page/nothing.js", "/page/..%2Fmain.js", "/page/%2e%2e/server.py", "/page/look/"):
        assert web.get(path).status_code == 404, path
    assert web.post("/").status_code in (401, 405)
    assert not any(path == "/" or path.startswith("/page") for path in web.get("/v1/openapi.json").json()["paths"])


@pytest.mark.parametrize("path", PAGE)
def test_it_asks_for_nothing_from_elsewhere_and_makes_no_markup(path):
    text = PAGE[path].content.decode()
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function)\b", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=\"", text), "the policy forbids it"
    for name in re.findall(r'(?:src|href)="(/[^"]+)"', text):
        assert name in PAGE
    for name in re.findall(r'from "\./([^"]+)"', text):
        assert f"{path.rpartition('/')[0]}/{name}" in PAGE


def test_all_scripts_are_asked_for_at_once():
    asked = re.findall(r'<link rel="modulepreload" href="([^"]+)">', PAGE["/"].content.decode())
    assert {*asked, "/page/main.js"} == set(SCRIPTS)


def test_it_speaks_both_languages():
    def words(name):
        return dict(re.findall(r'^  (\w+): "(.*)",$', OURS[f"/page/{name}.js"], re.MULTILINE))

    english, chinese = words("english"), words("chinese")
    assert len(english) > 150
    assert {key for key in english if not key.endswith("One")} == set(chinese)
    for key, text in chinese.items():
        assert set(re.findall(r"\{\d\}", text)) == set(re.findall(r"\{\d\}", english[key])), key
    for key in english:
        if key.endswith("One"):
            assert key.removesuffix("One") in english, key


def test_every_word_that_is_said_is_known_and_said():
    known = set(re.findall(r'^  (\w+): "', OURS["/page/english.js"], re.MULTILINE))
    code = "".join(text for path, text in OURS.items() if not path.endswith(("/english.js", "/chinese.js")))
    code += PAGE["/"].content.decode()
    said = set(re.findall(r'\bsay(?:Many)?\("(\w+)"', code)) | set(re.findall(r'data-(?:word|label)="(\w+)"', code))
    assert said <= known
    quoted = set(re.findall(r'["`](\w+)["`]', code))
    families = re.findall(r"say\(`(\w+)_\$\{", code)
    for key in known - said - {"languageName"}:
        assert key.removesuffix("One") in said | quoted or key.rpartition("_")[0].partition("_")[0] in families, key

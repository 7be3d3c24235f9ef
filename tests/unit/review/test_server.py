"""The server answers its own page alone: the secret, the host, the origin, and nothing but what the page needs."""

from __future__ import annotations

import http.client
import json
import re
import threading
from importlib.resources import files
from urllib.parse import urljoin

import pytest

from shelfmind.analysis.decisions import read_decisions
from shelfmind.pages.web_files import SHARED_FILES
from shelfmind.review.deck import Deck
from shelfmind.review.pictures import Pictures
from shelfmind.review.server import ReviewServer


class Browser:
    """Asks as a browser would: with the cookie, the host and, for changes, the page's header."""

    def __init__(self, server):
        self.server, self.review = server, server.review
        self.headers = {"Cookie": f"{server.cookie}={server.token}", "X-Shelfmind": "review"}

    def ask(self, path, body=None, **headers):
        """Status, headers and content; a header of None is left out. Paths of pictures get the review's part."""
        path = path.replace("/image/", f"/image/{self.review}/")
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        sent = {name: value for name, value in sent.items() if value is not None}
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request("GET" if body is None else "POST", path, content, sent)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content


@pytest.fixture
def server(audit, tmp_path):
    deck = Deck(audit, "王", tmp_path / "review.jsonl")
    with ReviewServer(0, deck, Pictures(audit.root, audit.format)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def browser(server):
    return Browser(server)


def test_it_listens_on_the_loopback_address_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_the_address_lets_in_once_and_keeps_the_secret_out_of_it(server, browser):
    path = server.address.split(str(server.server_port))[1]
    status, headers, _ = browser.ask(path, Cookie=None)
    assert (status, headers["Location"]) == (303, "/")
    assert re.fullmatch(rf"{server.cookie}={server.token}; Path=/; HttpOnly; SameSite=Strict", headers["Set-Cookie"])
    assert browser.ask("/?token=wrong", Cookie=None)[0] == 403


EVERYTHING = ["/", "/review.js", "/api/review", "/api/cards?numbers=0", "/api/news?since=0", "/image/small/0"]


@pytest.mark.parametrize("path", EVERYTHING)
def test_nothing_is_answered_without_the_secret_or_under_another_name(server, browser, path):
    assert browser.ask(path)[0] == 200
    for cookie in (
        None,
        "other=1",
        f"{server.cookie}=wrong",
        f"{server.cookie}=",
        "=;=,\x7f",
        f"{server.cookie}=ü".encode(),
    ):
        status, _, content = browser.ask(path, Cookie=cookie)
        assert status == 403
        assert server.token.encode() not in content
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::"):
        assert browser.ask(path, Host=host)[0] in (400, 403), host
    for host in (f"localhost:{server.server_port}", "127.0.0.1:9999"):  # through a tunnel
        assert browser.ask(path, Host=host)[0] == 200


def test_a_change_must_come_from_the_page_itself(server, browser, tmp_path):
    body = {"number": 0, "decision": "keep"}
    own = f"http://127.0.0.1:{server.server_port}"
    refused = [
        {"Cookie": None},
        {"X_Shelfmind": None},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example"},
    ]
    for headers in refused:
        for path in ("/api/decide", "/api/undo"):
            assert browser.ask(path, body, **headers)[0] == 403, headers
    assert not (tmp_path / "review.jsonl").exists()
    assert browser.ask("/api/decide", body, Origin=own)[0] == 200
    assert browser.ask("/api/decide?number=1")[0] == 404  # a link cannot decide
    assert len(read_decisions(tmp_path / "review.jsonl")) == 1


def test_every_answer_forbids_everything_else_to_the_page(browser):
    for path in [*EVERYTHING, "/none"]:
        _, headers, _ = browser.ask(path)
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
        assert ("no-store" in headers["Cache-Control"]) == path.startswith(("/api", "/none"))


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/page/index.html",
        "/server.py",
        "/../server.py",
        "/%2e%2e/server.py",
        "//etc/passwd",
        "/image/small/99",
        "/image/small/-1",
        "/image/huge/0",
        "/image/small/0/../../audit.json",
        "/image/small/",
        "/image/small/..%2f..%2fsecret.png",
        "/api/cards?numbers=99",
        "/api/examples?class=99",
        "/api/none",
        "/api/decide",
    ],
)
def test_anything_else_is_not_found(browser, path):
    assert browser.ask(path)[0] == 404


def test_only_images_are_sent_and_kept_by_the_browser(browser):
    status, headers, content = browser.ask("/image/small/0")
    assert (status, headers["Content-Type"], content[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    assert headers["Cache-Control"].startswith("private, max-age=")
    status, _, content = browser.ask("/image/small/0", If_None_Match=headers["ETag"])
    assert (status, content) == (304, b"")


def test_pictures_that_a_browser_keeps_are_those_of_one_process(server, browser, audit):
    assert json.loads(browser.ask("/api/review")[2])["review"] == browser.review
    with ReviewServer(0, server.deck, Pictures(audit.root, audit.format)) as later:
        assert later.review != browser.review
    browser.review = "earlier"
    assert browser.ask("/image/small/0")[0] == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/cards?numbers=0", None),
        ("/api/news?since=0", None),
        ("/api/decide", {"number": 0, "decision": "drop"}),
        ("/api/undo", {"number": None}),
    ],
)
def test_the_numbers_of_an_earlier_review_are_refused(browser, tmp_path, path, body):
    assert browser.ask(path, body, X_Shelfmind_Review=browser.review)[0] == 200
    (tmp_path / "review.jsonl").unlink(missing_ok=True)
    status, _, content = browser.ask(path, body, X_Shelfmind_Review="earlier")
    assert (status, json.loads(content)["error"]) == (409, "this page belongs to an earlier review; reload it")
    assert not (tmp_path / "review.jsonl").exists()


def test_an_image_that_is_gone_is_not_found(browser, root):
    (root / "train/可乐/1.jpg").unlink()
    assert browser.ask("/image/small/0")[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        {"number": "0", "decision": "keep"},
        {"decision": "keep"},
        {"number": 0},
        {"number": 0, "decision": "relabel", "label": 3},
        {"number": 0, "decision": "relabel", "label": ""},
        {"number": 0, "decision": ["keep"]},
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(browser, tmp_path, body):
    status, _, content = browser.ask("/api/decide", body)
    assert status == 400
    assert json.loads(content)["error"]
    assert not (tmp_path / "review.jsonl").exists()


def test_an_endless_body_is_not_read(browser):
    assert browser.ask("/api/decide", b"x" * 70_000)[0] == 413


def test_a_log_that_cannot_be_written_is_told(browser, tmp_path):
    (tmp_path / "review.jsonl").mkdir()
    status, _, content = browser.ask("/api/decide", {"number": 0, "decision": "keep"})
    assert status == 500
    assert "review.jsonl cannot be" in json.loads(content)["error"]


def test_decisions_and_undo_go_to_the_log(browser, tmp_path):
    status, _, content = browser.ask("/api/decide", {"number": 1, "decision": "relabel", "label": "可乐"})
    assert (status, json.loads(content)["decided"]) == (200, 1)
    status, _, content = browser.ask("/api/undo", {"number": None})
    assert (status, json.loads(content)["undone"]) == (200, 1)
    decisions = read_decisions(tmp_path / "review.jsonl")
    assert decisions[1].undoes == decisions[0].id


def test_the_page_needs_nothing_from_elsewhere(browser):
    page = files("shelfmind.review").joinpath("page")
    served = {"/" if path.name == "index.html" else f"/{path.name}" for path in page.iterdir()}
    served |= {f"/{name}" for name in SHARED_FILES}
    for path in served:
        status, _, content = browser.ask(path)
        assert status == 200, path
        text = content.decode()
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), path
        assert not re.search(r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b", text), path
        for name in re.findall(r'(?:src|href|from)[= ]"(\.?/[^"]+)"', text):
            assert urljoin(path, name) in served


def test_every_word_exists_in_both_languages():
    text = files("shelfmind.review").joinpath("page").joinpath("words.js").read_text(encoding="utf-8")
    english, chinese = text.split("  en: {")[1].split("  zh: {")

    def keys(part):
        return re.findall(r"\w+(?=:)", re.sub(r'"[^"]*"', "", part.split("\n};")[0]))

    assert len(keys(english)) > 50
    assert keys(english) == keys(chinese)
    places = [re.findall(r"(\w+): \"([^\"]*)\"", part.split("\n};")[0]) for part in (english, chinese)]
    for (key, one), (_, other) in zip(*places, strict=True):
        assert sorted(re.findall(r"\{\d\}", one)) == sorted(re.findall(r"\{\d\}", other)), key

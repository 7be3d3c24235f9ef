"""The review by command: it starts, answers, survives, stops, and refuses what it cannot review."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import urllib.request
from http.cookiejar import CookieJar

import pytest

from shelfmind.analysis.decisions import read_decisions


@pytest.fixture(scope="module")
def audit(data, place, auditing):
    names = [path.name for path in (data / "train").iterdir()]
    return auditing.write_audit(place / "audit", data, names, auditing.suspects_of(data, 6))


@pytest.fixture
def start(command, audit, environment, place, tmp_path):
    """Start a review with a log of the test's own; returns its process and a way to ask it, as its page would."""
    processes = []

    def run(*options):
        words = [command, "review", str(audit), "--no-browser", "--port", "0", "--log", str(tmp_path / "review.jsonl")]
        process = subprocess.Popen(
            [*words, *options],
            cwd=place / "working",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{20,}", address)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        assert "<!DOCTYPE html>" in opener.open(address).read().decode()

        def ask(path, body=None):
            content = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(address.split("/?")[0] + path, content, {"X-Shelfmind": "review"})
            return json.load(opener.open(request, timeout=20))

        return process, ask

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def test_a_review_from_start_to_ctrl_c(start, data, audit, tmp_path):
    process, ask = start("--reviewer", "王")
    assert ask("/api/review")["reviewer"] == "王"
    assert ask("/api/decide", {"number": 0, "decision": "drop"})["decided"] == 1
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 0
    assert stdout == ""
    log = tmp_path / "review.jsonl"
    assert f"1 of 6 decided, saved in {log}" in stderr
    assert f": shelfmind prepare {shlex.quote(str(data))} --decisions {log} --out CLEAN" in stderr
    assert "Traceback" not in stderr
    assert len(read_decisions(log)) == 1


def test_it_is_reached_on_the_loopback_address_alone(start):
    process, _ = start()
    with open(f"/proc/{process.pid}/net/tcp") as file:
        lines = [line.split() for line in file]
    owned = {os.readlink(f"/proc/{process.pid}/fd/{name}") for name in os.listdir(f"/proc/{process.pid}/fd")}
    listening = [line[1].split(":")[0] for line in lines[1:] if line[3] == "0A" and f"socket:[{line[9]}]" in owned]
    assert listening == ["0100007F"]
    with open(f"/proc/{process.pid}/net/tcp6") as file:
        assert not [line for line in file if f"socket:[{line.split()[9]}]" in owned]


def test_what_was_confirmed_survives_kill_9_and_a_cut_line_is_told(start, tmp_path):
    process, ask = start()
    for number in range(3):
        ask("/api/decide", {"number": number, "decision": "keep"})
    process.kill()
    process.wait(20)
    log = tmp_path / "review.jsonl"
    assert len(read_decisions(log)) == 3
    with open(log, "ab") as file:
        file.write(b'{"time": "2026')
    process, ask = start()
    assert ask("/api/review")["decided"] == 3
    ask("/api/decide", {"number": 3, "decision": "keep"})
    assert len(read_decisions(log)) == 4
    process.send_signal(signal.SIGINT)
    assert "ignored an incomplete last line" in process.communicate(timeout=20)[1]


def test_several_reviews_share_one_log(start, tmp_path):
    (_, one), (_, other) = start("--reviewer", "王"), start("--reviewer", "李")
    version = one("/api/review")["version"]
    other("/api/decide", {"number": 2, "decision": "drop"})
    one("/api/decide", {"number": 3, "decision": "keep"})
    news = one(f"/api/news?since={version}")["states"]
    assert {number: [each["reviewer"] for each in of] for number, of in news.items()} == {"2": ["李"], "3": ["王"]}
    assert len(read_decisions(tmp_path / "review.jsonl")) == 2


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("{tmp}/missing", "no such file or folder"),
        ("{tmp}/empty", "is not an audit"),
        ("{data}", "is not an audit"),
        ("{audit} --lang fr", "--lang must be en or zh, got 'fr'"),
        ("{audit} --port 70000", "--port"),
        ("{audit} --log {tmp}/none/review.jsonl", "{tmp}/none/review.jsonl cannot be written"),
        ("{audit} --log {tmp}/empty", "{tmp}/empty cannot be written"),
        ("{audit} --log {tmp}/broken.jsonl", "broken.jsonl, line 1: not a decision"),
        ("{audit} --data {tmp}/missing", "{tmp}/missing; set its location with --data"),
    ],
)
def test_a_mistake_is_one_line(words, named, warm, audit, data, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.jsonl").write_text("oops\n")
    places = {"tmp": tmp_path, "audit": audit, "data": data}
    error = warm("review", *(word.format(**places) for word in words.split()), "--no-browser").error
    assert named.format(**places) in error


def test_a_port_that_is_taken_is_named_and_the_usual_one_gives_way(warm, audit):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = warm("review", audit, "--no-browser", "--port", port).error
    assert f"port {port} of 127.0.0.1 cannot be used: Address already in use; --port 0 picks a free one" in error


def test_an_empty_reviewer_is_refused(warm, audit):
    assert "--reviewer" in warm("review", audit, "--no-browser", "--reviewer", " ").error

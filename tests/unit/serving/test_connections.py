"""Connections that send slowly, nothing, or nonsense are ended; those that hang up are dropped."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress

import pytest

from shelfmind.serving import protocol
from shelfmind.serving.application import create_application
from shelfmind.serving.server import Server, bound_socket


@pytest.fixture
def listening(make_service, monkeypatch):
    """A service behind a real socket, with little patience, and its port."""
    monkeypatch.setattr(protocol, "HEADER_S", 0.3)
    monkeypatch.setattr(protocol, "BODY_S", 0.4)
    monkeypatch.setattr(protocol, "UNREAD_S", 0.3)
    service = make_service(max_delay_s=0.3)
    sock = bound_socket("127.0.0.1", 0)
    service.authenticator.access = type(service.authenticator.access)(port=sock.getsockname()[1])
    started = threading.Event()
    server = Server(create_application(service), lambda: None, lambda: None, started.set)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    assert started.wait(10)
    yield service, sock.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


def told(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """What comes back before the line is cut."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        found = b""
        with suppress(ConnectionError):  # the service may cut the line while something is sent
            for part in parts:
                line.sendall(part)
                time.sleep(pause)
        with suppress(ConnectionError):
            while block := line.recv(65536):
                found += block
        return found


HEAD = b"POST /v1/recognize HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"


def test_slow_ones_are_cut(listening):
    _, port = listening
    began = time.monotonic()
    assert told(port) == b""
    assert told(port, b"POST /v1/").startswith(b"HTTP/1.1 408")
    assert told(port, HEAD + b"Content-Length: 100\r\n\r\nabc").startswith(b"HTTP/1.1 408")
    assert told(port, *[b"x"] * 9, pause=0.06).startswith(b"HTTP/1.1 4")
    for pause in (0.0, 0.05):  # the further request comes before the first one's answer, or after it
        found = told(port, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET", b" /h", pause=pause)
        assert found.count(b"HTTP/1.1 ") == 2
    assert time.monotonic() - began < 8


def test_the_body_of_a_request_gives_the_next_ones_header_no_more_time(listening, monkeypatch):
    _, port = listening
    monkeypatch.setattr(protocol, "SLOWEST_BYTES_S", 100)
    body = b"x" * 3000  # arrives at once, and would be allowed half a minute
    began = time.monotonic()
    found = told(port, HEAD + b"Content-Length: 3000\r\n\r\n" + body, b"GET /h", pause=0.3)
    assert found.startswith(b"HTTP/1.1 4")
    assert found.count(b"HTTP/1.1 ") == 2
    assert time.monotonic() - began < 8


def test_nonsense_is_refused_and_too_much_is_not_read_to_its_end(listening):
    _, port = listening
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET /v1/gallery/skus/" + b"x" * 100_000 + b" HTTP/1.1"):
        found = told(port, nonsense + b"\r\n\r\n")
        assert found.startswith(b"HTTP/1.1 400")
        assert json.loads(found.partition(b"\r\n\r\n")[2])["type"] == "urn:shelfmind:no-http"
    assert told(port, HEAD + b"Content-Length: 99999999999\r\n\r\nabc").startswith(b"HTTP/1.1 413")


def test_a_full_queue_refuses_before_the_body_and_keeps_the_line(listening, monkeypatch):
    service, port = listening
    monkeypatch.setattr(service.batcher, "_inside", service.batcher.capacity)
    assert told(port, HEAD + b"Content-Length: 9\r\n\r\n").startswith(b"HTTP/1.1 429")
    body = b"Content-Length: 300000\r\n\r\n" + b"x" * 300_000
    assert told(port, HEAD + body, HEAD + b"Connection: close\r\n" + body).count(b"HTTP/1.1 429") == 2


def test_a_client_that_hangs_up_costs_nothing(listening, photo):
    service, port = listening
    content = photo((1, 2, 3))
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(HEAD + f"Content-Length: {len(content)}\r\n\r\n".encode() + content)
        time.sleep(0.15)
    until = time.monotonic() + 5
    registry = service.metrics.registry
    while not registry.get_sample_value("shelfmind_rejected_total", {"reason": "hung_up"}) and time.monotonic() < until:
        time.sleep(0.01)
    assert registry.get_sample_value("shelfmind_rejected_total", {"reason": "hung_up"}) == 1
    while service.batcher.depth and time.monotonic() < until:
        time.sleep(0.01)
    assert registry.get_sample_value("shelfmind_batch_images_count") == 0

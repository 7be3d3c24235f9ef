"""What the command makes of its arguments: relative places, and hosts however they are written."""

from __future__ import annotations

import pytest

from shelfmind.requests.serving import ServeRequest
from shelfmind.serving.serve import serve


class StoppedError(Exception):
    """Ends `serve` before it listens."""


@pytest.fixture
def served(tmp_path, gallery, network, monkeypatch):
    """The service that the command makes in a folder, with relative places."""
    gallery.rename(tmp_path / "product")
    monkeypatch.chdir(tmp_path)
    found = []

    def stop(service):
        found.append(service)
        raise StoppedError

    request = ServeRequest(run=network, gallery="product", state="state", port=0, engine="onnx")
    with monkeypatch.context() as patch:
        patch.setattr("shelfmind.serving.application.create_application", stop)
        with pytest.raises(StoppedError):
            serve(request)
    yield found[0]
    found[0].batcher.close()


def test_a_relative_place_is_neither_told_nor_found_in_messages_without_it(served, client, monkeypatch):
    web = client(served)
    answer = web.patch("/v1/gallery/skus/yellow%20500%20ml", json={"name": "yellow 500 ml"})
    assert answer.status_code == 409, answer.text
    assert "there is already a product" in answer.json()["detail"]
    monkeypatch.setattr("os.link", lambda *names: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    answer = web.delete("/v1/gallery/skus/yellow%20500%20ml")
    assert answer.status_code == 503
    assert "product/" not in answer.text


@pytest.mark.parametrize(("host", "bound"), [("LocalHost", "localhost"), ("[::1]", "::1"), ("127.0.0.1", "127.0.0.1")])
def test_a_local_host_is_local_however_it_is_written(tmp_path, network, monkeypatch, host, bound):
    def stop(host, port):
        raise StoppedError(host)

    monkeypatch.setattr("shelfmind.serving.server.bound_socket", stop)
    with pytest.raises(StoppedError, match=f"^{bound}$"):
        serve(ServeRequest(run=network, host=host, state=tmp_path / "state"))

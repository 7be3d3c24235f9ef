"""Official weights are downloaded whole, verified by their checksum, and kept."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shelfmind.errors import UserError

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
Serve = Callable[..., str]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mindspore: Any) -> Iterator[Serve]:
    """Serves bytes as the official weights ``resnet18`` of an empty cache; returns the file's name there."""
    from shelfmind.models import official

    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    servers = []

    def start(
        content: bytes = CONTENT, digest: str = DIGEST, length: int | None = None, parameter_bytes: int = 1000
    ) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(length or len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(official, "BASE", f"http://127.0.0.1:{server.server_port}/")
        published = official.Published(f"resnet/resnet18-{digest[:8]}.ckpt", parameter_bytes)
        monkeypatch.setitem(official.OFFICIAL, "resnet18", published)
        return published.file_name

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_download_is_verified_counted_and_kept(serve: Serve, tmp_path: Path) -> None:
    from shelfmind.models.official import find_official

    name = serve()
    counted: list[Any] = []

    def counter(what: str, total: int | None, unit: str = "images") -> Callable[[int], None]:
        counted.append((what, total, unit))
        return counted.append

    path = find_official("resnet18", counter=counter)
    assert path == tmp_path / "cache" / "weights" / name
    assert path.read_bytes() == CONTENT
    assert counted == [(f"downloading {name}", len(CONTENT), "bytes"), len(CONTENT)]
    assert find_official("resnet18", offline=True) == path


def test_offline_says_what_to_fetch_and_where_to_put_it(serve: Serve, tmp_path: Path) -> None:
    from shelfmind.models.official import OFFICIAL, find_official

    name = serve()
    with pytest.raises(UserError) as caught:
        find_official("resnet18", offline=True)
    assert OFFICIAL["resnet18"].url in str(caught.value)
    assert str(tmp_path / "cache" / "weights" / name) in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [({"digest": "0" * 64}, "SHA-256"), ({"length": 2 * len(CONTENT)}, "stopped after|cannot be downloaded")],
)
def test_what_is_not_the_published_file_is_not_kept(
    answer: dict[str, Any], message: str, serve: Serve, tmp_path: Path
) -> None:
    from shelfmind.models.official import find_official

    serve(**answer)
    with pytest.raises(UserError, match=message):
        find_official("resnet18")
    assert list((tmp_path / "cache" / "weights").iterdir()) == []


def test_a_damaged_file_in_the_cache_is_fetched_again(serve: Serve, tmp_path: Path) -> None:
    from shelfmind.models.official import find_official

    name = serve()
    folder = tmp_path / "cache" / "weights"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(CONTENT[:-1])
    assert find_official("resnet18").read_bytes() == CONTENT


def test_a_server_that_is_not_there_is_one_clear_error(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    from shelfmind.models import official

    serve()
    monkeypatch.setattr(official, "BASE", "http://127.0.0.1:9/")
    with pytest.raises(UserError, match=r"cannot be downloaded .*download it manually"):
        official.find_official("resnet18")


def test_names_are_those_of_models(mindspore: Any) -> None:
    from shelfmind.models import MODELS
    from shelfmind.models.official import OFFICIAL, find_official

    assert set(OFFICIAL) <= set(MODELS)
    with pytest.raises(UserError, match="resnet50"):
        find_official("resnet5")


def test_a_file_smaller_than_its_network_is_not_downloaded(serve: Serve, tmp_path: Path) -> None:
    from shelfmind.models.official import find_official

    serve(parameter_bytes=len(CONTENT) + 1)
    with pytest.raises(UserError, match="7000 bytes, fewer than its network's 7001"):
        find_official("resnet18")
    assert not list((tmp_path / "cache" / "weights").iterdir())


def test_sizes_are_those_of_the_networks(mindspore: Any) -> None:
    from shelfmind.models import MODELS
    from shelfmind.models.official import OFFICIAL

    for name, published in OFFICIAL.items():
        parameters = MODELS[name](num_classes=1000).get_parameters()
        assert published.parameter_bytes == 4 * sum(int(parameter.size) for parameter in parameters), name

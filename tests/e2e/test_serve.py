"""The service as a process: started, asked, stopped under load, killed, beside another one, with a new model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")
WITHOUT_MINDSPORE = (
    sys.executable,
    "-c",
    "import sys; sys.modules['mindspore'] = sys.modules['scipy'] = sys.modules['sklearn'] = None; "
    "from shelfmind.cli import main; main()",
)
PATIENCE_S = 60


class Running:
    """A service, and a client of it."""

    def __init__(self, process: subprocess.Popen[bytes], address: str) -> None:
        self.process, self.address = process, address
        self.web = httpx.Client(base_url=address, timeout=PATIENCE_S)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def network(tiny: Any, place: Path) -> Path:
    """The exported file."""
    found: Path = tiny.write_network(place / "served.onnx")
    return found


@pytest.fixture
def gallery(tiny: Any, tmp_path: Path, network: Path) -> Path:
    """A calibrated gallery with one product."""
    found: Path = tiny.write_gallery(tmp_path / "products", network)
    return found


@pytest.fixture
def serving(environment: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """Starts services, each at a free port, and kills what is left of them."""
    started: list[subprocess.Popen[bytes]] = []

    @contextmanager
    def start(*words: object) -> Iterator[Running]:
        command = [*WITHOUT_MINDSPORE, "serve", *map(str, words), "--port", "0", "--state", str(tmp_path / "state")]
        with open(tmp_path / f"log {len(started)}.txt", "wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log)
        started.append(process)
        assert process.stdout is not None
        address = process.stdout.readline().decode().strip()
        assert address.startswith("http://127.0.0.1:"), Path(log.name).read_text()
        running = Running(process, address)
        try:
            yield running
        finally:
            running.web.close()

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def workers(running: Running) -> list[int]:
    """The processes of a service."""
    number = running.process.pid
    return [int(each) for each in Path(f"/proc/{number}/task/{number}/children").read_text().split()]


def ask(running: Running, content: bytes, count: int = 1) -> Any:
    return running.web.post("/v1/recognize", files=[("image", (str(n), content)) for n in range(count)])


def test_it_finishes_what_it_took_and_needs_no_mindspore(serving: Any, network: Path, tiny: Any) -> None:
    found: list[int] = []
    content = tiny.encoded((220, 30, 30))

    def load(running: Running) -> None:
        with httpx.Client(base_url=running.address, timeout=PATIENCE_S) as web:
            while True:
                try:
                    answer = web.post("/v1/recognize", files=[("image", ("a", content))] * 8)
                except httpx.TransportError as error:
                    found.append(
                        0 if isinstance(error, httpx.ConnectError | httpx.WriteError | httpx.ReadError) else -1
                    )
                    return
                found.append(answer.status_code)

    with serving(network, "--engine", "onnx") as running:
        threads = [threading.Thread(target=load, args=(running,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + PATIENCE_S
        while len(found) < 20 and time.monotonic() < until:
            time.sleep(0.01)
        assert running.end() == 0
        for thread in threads:
            thread.join()
    assert set(found) <= {200, 0}
    assert found.count(200) >= 20
    assert found.count(0) == 4


def test_what_keeps_it_from_starting_is_one_line(network: Path, cold: Any, place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"port {port} of 127.0.0.1 cannot be used" in cold("serve", network, "--port", port).error
    state = ("--state", place / "no keys")
    assert "shelfmind keys add NAME --role read" in cold("serve", network, "--host", "0.0.0.0", *state).error
    absent = (sys.executable, "-c", WITHOUT_MINDSPORE[2].replace("['mindspore']", "['fastapi']"))
    assert "pip install 'shelfmind[serve]'" in cold("serve", network, program=absent).error


@pytest.mark.slow
def test_two_services_share_a_gallery_and_lose_nothing_when_killed(
    serving: Any, network: Path, gallery: Path, tiny: Any, tmp_path: Path
) -> None:
    words = (network, "--engine", "onnx", "--gallery", gallery, "--watch-seconds", "0.2")
    acknowledged: list[int] = []
    with serving(*words) as first, serving(*words) as second:

        def enrol(running: Running, start: int) -> None:
            for number in range(start, start + 200):
                files = [("photo", (f"{number}.jpg", tiny.encoded((240, 20, 200), number)))]
                try:
                    made = running.web.post(
                        "/v1/gallery/skus", files=files, data={"sku": f"new {number}", "strict": "false"}
                    )
                except httpx.TransportError:
                    return
                assert made.status_code == 201, made.text
                acknowledged.append(number)

        threads = [threading.Thread(target=enrol, args=(each, start)) for each, start in ((first, 0), (second, 1000))]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 10:
            time.sleep(0.01)
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
        assert second.end(signal.SIGKILL) == -signal.SIGKILL
        for thread in threads:
            thread.join()
    with serving(*words) as again:
        skus = {each["sku"] for each in again.web.get("/v1/gallery/skus?limit=1000").json()["skus"]}
        assert {f"new {number}" for number in acknowledged} <= skus
        answer = ask(again, tiny.encoded((240, 20, 200), acknowledged[-1])).json()
        assert answer["answers"][0]["answer"].startswith("new ")
        assert again.end() == 0
    lines = [json.loads(line) for line in (tmp_path / "state" / "audit.jsonl").read_text().splitlines()]
    done = {each["sku"] for each in lines if each["event"] == "done"}
    assert {f"new {number}" for number in acknowledged} <= done


@pytest.mark.slow
def test_workers_share_port_and_metrics_and_a_new_model_loses_no_request(
    serving: Any, tiny: Any, tmp_path: Path
) -> None:
    place = tiny.write_network(tmp_path / "current.onnx")
    content = tiny.encoded((220, 30, 30))
    with serving(place, "--engine", "onnx", "--workers", "2", "--watch-seconds", "0.2") as running:
        seen: list[tuple[int, str]] = []
        latest: dict[int, str] = {}  # by client, whose connection stays with one worker
        ended = threading.Event()

        def load() -> None:
            with httpx.Client(base_url=running.address, timeout=PATIENCE_S) as web:
                while not ended.is_set():
                    answer = web.post("/v1/recognize", files={"image": ("a", content)})
                    seen.append((answer.status_code, answer.json()["model"]["weights"]))
                    latest[threading.get_ident()] = seen[-1][1]

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        tiny.write_network(place, 2 * tiny.WEIGHTS, "second")
        until = time.monotonic() + PATIENCE_S
        while (len(latest) < 4 or set(latest.values()) != {"second"}) and time.monotonic() < until:
            time.sleep(0.05)
        ended.set()
        for thread in threads:
            thread.join()
        assert {status for status, _ in seen} == {200}
        assert set(latest.values()) == {"second"}
        first = workers(running)
        for killed in first:
            os.kill(killed, signal.SIGKILL)
            while killed in workers(running) or len(workers(running)) < 2:
                time.sleep(0.05)
            time.sleep(2)
        assert len(workers(running)) == 2
        assert not set(first) & set(workers(running))
        for _ in range(20):
            with httpx.Client(base_url=running.address, timeout=PATIENCE_S) as web:
                assert web.post("/v1/recognize", files={"image": ("a", content)}).status_code == 200
                text = web.get("/metrics").text
        total = 'shelfmind_images_total{outcome="product"}'
        counted = next(float(line.split()[1]) for line in text.splitlines() if line.startswith(total))
        assert counted >= len(seen)
        assert running.end() == 0


@pytest.mark.slow
def test_a_generated_client_recognises_and_enrols(
    serving: Any, network: Path, gallery: Path, tiny: Any, tmp_path: Path, cold: Any
) -> None:
    pytest.importorskip("openapi_python_client", reason="the generator is not installed")
    with serving(network, "--engine", "onnx", "--gallery", gallery) as running:
        (tmp_path / "openapi.json").write_bytes(running.web.get("/v1/openapi.json").content)
        program = (sys.executable, "-m", "openapi_python_client")
        places = ("--path", tmp_path / "openapi.json", "--output-path", tmp_path / "generated")
        made = cold("generate", *places, "--meta", "none", program=program)
        assert made.status == 0, made.stdout + made.stderr
        (tmp_path / "photo.jpg").write_bytes(tiny.encoded(tiny.YELLOW, 7))
        script = CLIENT.format(address=running.address, photo=str(tmp_path / "photo.jpg"))
        asked = cold("-c", script, program=(sys.executable,), variables={"PYTHONPATH": str(tmp_path)})
        assert asked.status == 0, asked.stderr
        assert json.loads(asked.stdout) == ["yellow 500 ml", "of the client", ["of the client", "yellow 500 ml"], 404]


CLIENT = """
import io, json
from generated import Client
from generated.api.gallery import enrol_photos, list_skus, show_sku
from generated.api.recognition import recognize
from generated.models import EnrolPhotosFilesBody, RecognizeFilesBody
from generated.types import File

def photo():
    return File(payload=io.BytesIO(open({photo!r}, "rb").read()), file_name="photo.jpg", mime_type="image/jpeg")

client = Client(base_url={address!r})
answer = recognize.sync(client=client, body=RecognizeFilesBody(image=[photo()]))
made = enrol_photos.sync(client=client, body=EnrolPhotosFilesBody(sku="of the client", photo=[photo()], strict=False))
assert made.version, made
skus = list_skus.sync(client=client)
gone = show_sku.sync_detailed("nobody", client=client)
name = skus.skus[0].sku
print(json.dumps([answer.answers[0].answer, name, [each.sku for each in skus.skus], gone.status_code]))
"""


@pytest.mark.slow
@pytest.mark.thorough
def test_requests_by_the_description_are_answered_by_the_description(
    serving: Any, network: Path, gallery: Path, cold: Any, tmp_path: Path
) -> None:
    pytest.importorskip("schemathesis")
    key = cold("keys", "add", "fuzz", "--role", "admin", "--state", tmp_path / "state").stdout.strip()
    with serving(network, "--engine", "onnx", "--gallery", gallery) as running:
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
        words = ("run", f"{running.address}/v1/openapi.json", "--checks", checks, "--max-examples", "20", "--seed", "0")
        words += ("--phases", "examples,fuzzing", "-H", f"Authorization: Bearer {key}")
        found = cold(*words, program=(sys.executable, "-m", "schemathesis.cli"))
        assert found.status == 0, found.stdout[-4000:]
        assert running.end() == 0


@pytest.mark.slow
@pytest.mark.thorough
def test_ten_corrections_make_a_run_that_answers_them_right(
    serving: Any, warm: Any, settings: Any, tmp_path: Path
) -> None:
    pytest.importorskip("onnx")
    from shelfmind import generate

    def done(*words: object) -> None:
        outcome = warm(*words)
        assert outcome.status == 0, outcome.stderr

    photos, first, second, current = (tmp_path / name for name in ("photos", "first", "second", "current"))
    sizes = {"long_side": (64, 96), "test_fraction": 0.4, "val_fraction": 0.1}
    generate(photos, classes=3, images=100, layout="folder", others_share=0, tail=0, **sizes)
    (photos / "test").rename(tmp_path / "customers")
    done("train", photos, "--out", first, *settings("train.epochs=2"))
    done("export", first, "--format", "onnx")
    current.symlink_to(first)
    truth = {path: path.parent.name for path in sorted((tmp_path / "customers").rglob("*.jpg"))}
    with serving(current, "--engine", "onnx", "--watch-seconds", "0.2") as running:

        def answered(path: Path) -> str:
            name: str = ask(running, path.read_bytes()).json()["answers"][0]["answer"]
            return name

        wrong = {path: said for path in truth if (said := answered(path)) != truth[path]}
        corrected = list(wrong)[:10]
        assert len(corrected) == 10
        for path in corrected:
            form = {"said": wrong[path], "label": truth[path]}
            made = running.web.post("/v1/corrections", files={"image": path.read_bytes()}, data=form)
            assert made.status_code == 201, made.text
        log = tmp_path / "state" / "corrections"
        decisions = ("--decisions", log / "review.jsonl", "--classes-of", first)
        all_train = ("--val-fraction", 0, "--test-fraction", 0, "--split-floor", 0)
        done("prepare", log / "list.csv", *decisions, *all_train, "--out", tmp_path / "corrected")
        done("prepare", photos, "--out", tmp_path / "next")
        shutil.copytree(tmp_path / "corrected" / "train", tmp_path / "next" / "train", dirs_exist_ok=True)
        done("train", tmp_path / "next", "--init", first, "--out", second, *settings("train.epochs=20"))
        done("export", second, "--format", "onnx")
        (tmp_path / "new").symlink_to(second)
        (tmp_path / "new").rename(current)
        until = time.monotonic() + PATIENCE_S
        while running.web.get("/v1/model").json()["generation"] == 1 and time.monotonic() < until:
            time.sleep(0.05)
        assert [answered(path) for path in corrected] == [truth[path] for path in corrected]
        assert running.end() == 0

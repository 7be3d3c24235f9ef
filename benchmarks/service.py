"""Loads `shelfmind serve` on this machine, beside its engine alone and beside what people write themselves.

    python benchmarks/service.py network.onnx PHOTOS --plain network.onnx --json out.json
    python benchmarks/service.py RUN PHOTOS --engine mindspore --clients 16

Parts: closed (1 to 64 clients), open (at half and all of what it can, and beyond), memory (20,000 requests), cold
(start to first answer; with --gallery enrolment to recognition). Photos lie in memory; clients cost cores, too:
`client_cores`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import service_process as processes
from service_clients import Load, closed_loop, open_loop, request_of

import shelfmind

SEED = 0


def main() -> None:
    """Run one part."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("network", type=Path)
    words.add_argument("photos", type=Path)
    words.add_argument("--part", choices=PARTS, default="closed")
    words.add_argument("--number", type=int, default=400, help="photos")
    words.add_argument("--seconds", type=float, default=8.0, help="of a measurement")
    words.add_argument("--rounds", type=int, default=2)
    words.add_argument("--clients", default="1,4,16,64")
    words.add_argument("--images", default="1,8", help="of a request")
    words.add_argument("--requests", type=int, default=20_000)
    words.add_argument("--gallery", type=Path)
    words.add_argument("--engine", default="onnx")
    words.add_argument("--plain", type=Path, help="an exported ONNX file, which the plain service answers by")
    words.add_argument("--serve", default="", help="further words for the command, such as '--workers 2'")
    words.add_argument("--json", type=Path)
    asked = words.parse_args()
    photos = processes.some_photos(asked.photos, asked.number, SEED)
    with tempfile.TemporaryDirectory() as folder:
        result = PARTS[asked.part](asked, photos, Path(folder))
    print(json.dumps(result, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1))


def engine_alone(predictor: Any, photos: list[bytes], seconds: float) -> float:
    """Images a second of `Predictor.stream`, decoding included; whole batches."""
    began, done = time.perf_counter(), 0
    for batch in predictor.of_sources(itertools.cycle(photos)):
        done += len(batch.names)
        if time.perf_counter() - began > seconds:
            break
    return done / (time.perf_counter() - began)


def closed(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Engine, service and plain service in turn."""
    predictor = shelfmind.load(asked.network, engine=asked.engine)
    expected = predictor.predict(photos)
    sizes = [int(each) for each in asked.images.split(",")]
    many = {n: [request_of(photos[i : i + n]) for i in range(0, len(photos) - n + 1, n)] for n in sizes}
    result: dict[str, Any] = {"engine": predictor.engine.name, "photos": len(photos), "rounds": []}
    with contextlib.ExitStack() as stack:
        ports = {"service": processes.free_port()}
        command = _command(asked, ports["service"], folder)
        stack.enter_context(processes.running(command, ports["service"], "/healthz", folder / "log"))
        if asked.plain:
            ports["plain"] = processes.free_port()
            script = [sys.executable, Path(__file__).with_name("plain_service.py"), asked.plain, ports["plain"]]
            stack.enter_context(processes.running(script, ports["plain"], "/docs", folder / "log"))
        for name, port in ports.items():
            asyncio.run(closed_loop(port, many[1], 1, 4, 2))
            same = asyncio.run(closed_loop(port, many[1], 1, 16, 1e9, len(photos), keep=True))
            result[f"{name} equal to predict"] = _equal(same, expected)
        for _ in range(asked.rounds):
            row: dict[str, Any] = {}
            for clients in map(int, asked.clients.split(",")):
                row[f"engine alone, before {clients}"] = round(engine_alone(predictor, photos, asked.seconds), 1)
                for name, port in ports.items():
                    for n in sizes if name == "service" else [1]:
                        load = asyncio.run(closed_loop(port, many[n], n, clients, asked.seconds))
                        row[f"{name}, {clients} clients, {n} a request"] = load.record()
            result["rounds"].append(row)
    return result


def _command(asked: argparse.Namespace, port: int, folder: Path, *words: str) -> list[object]:
    more = ("--engine", asked.engine, *asked.serve.split(), *words)
    return processes.serve(asked.network, port, folder / "state", *more)


def _equal(load: Load, expected: Any) -> dict[str, Any]:
    """Whether answers are those of `predict`: the order of names, and the greatest difference of a probability."""
    names, greatest = 0, 0.0
    for number, answers in load.answers.items():
        got, want = answers[0]["candidates"], expected[number].guesses
        names += [each["product"] for each in got] == [each.class_name for each in want]
        pairs = zip(got, want, strict=True)
        greatest = max(greatest, *(abs(one["probability"] - other.probability) for one, other in pairs))
    return {"answers": len(load.answers), "same_names": names, "greatest_difference": greatest}


def opened(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Random arrivals at half of what closed loops get, at 90%, and at twice that."""
    port = processes.free_port()
    requests = [request_of([each]) for each in photos]
    result: dict[str, Any] = {}
    command = _command(asked, port, folder)
    with processes.running(command, port, "/healthz", folder / "log"):
        asyncio.run(closed_loop(port, requests, 1, 16, 2))
        most = asyncio.run(closed_loop(port, requests, 1, 32, asked.seconds)).record()
        result["closed, 32 clients"] = most
        for share in (0.1, 0.5, 0.9, 2.0):
            load = asyncio.run(open_loop(port, requests, 1, share * most["images_per_second"], asked.seconds))
            result[f"open, {share:g} of it"] = load.record()
    return result


def memory(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Memory over many requests, good and bad."""
    port = processes.free_port()
    requests = [request_of([each]) for each in photos]
    requests[::10] = [request_of([each[: len(each) // 2]]) for each in photos[::10]]
    result: dict[str, Any] = {"requests": 0, "memory_mb": []}
    command = _command(asked, port, folder)
    began = time.perf_counter()
    with processes.running(command, port, "/healthz", folder / "log") as process:
        step = max(1, asked.requests // 10)
        while result["requests"] < asked.requests:
            load = asyncio.run(closed_loop(port, requests, 1, 32, 1e9, step))
            result["requests"] += step
            result["memory_mb"].append(round(processes.memory_mb(process.pid), 1))
            result.setdefault("statuses", {}).update({str(k): v for k, v in load.statuses.items()})
            print(result["requests"], result["memory_mb"][-1], file=sys.stderr, flush=True)
    result["seconds"] = round(time.perf_counter() - began, 1)
    return result


def cold(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Seconds from the command to the first answer; and from sending photos of a product to recognising it."""
    result: dict[str, Any] = {"start_s": [], "enrol_s": []}
    for round_ in range(asked.rounds):
        port, words = processes.free_port(), []
        if asked.gallery:
            gallery = folder / f"gallery {round_}"
            shutil.copytree(asked.gallery, gallery)
            words = ["--gallery", str(gallery)]
        command = _command(asked, port, folder, *words)
        began = time.perf_counter()
        with processes.running(command, port, "/healthz", folder / "log"):
            one = asyncio.run(closed_loop(port, [request_of(photos[:1])], 1, 1, 60, 1))
            result["start_s"].append(round(time.perf_counter() - began, 2))
            assert one.statuses == {200: 1}, one.statuses
            if asked.gallery:
                result["enrol_s"].append(_enrolled(port, photos))
    return result


def _enrolled(port: int, photos: list[bytes]) -> float:
    """Three photos of one product in, the product's name out."""
    import httpx

    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as web:
        began = time.perf_counter()
        files = [("photo", (f"{n}.jpg", photo)) for n, photo in enumerate(photos[1:4])]
        made = web.post("/v1/gallery/skus", files=files, data={"sku": "brand new", "strict": "false"})
        assert made.status_code == 201, made.text
        found = web.post("/v1/recognize", files={"image": ("again.jpg", photos[1])}).json()
        seconds = time.perf_counter() - began
    names = [each["product"] for each in found["answers"][0]["candidates"]]
    assert "brand new" in names, names
    return round(seconds, 2)


PARTS = {"closed": closed, "open": opened, "memory": memory, "cold": cold}

if __name__ == "__main__":
    main()

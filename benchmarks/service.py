"""Load-test `shelfmind serve` on this machine, compared with its engine alone and with a plain FastAPI service.

    python benchmarks/service.py RUN PHOTOS --part closed --json closed.json
    python benchmarks/service.py RUN PHOTOS --part closed --engines openvino:int8
    python benchmarks/service.py network.onnx PHOTOS --part memory

Parts: closed (1 to 64 clients), images (several per request), engines (each at 1 to 64 clients), open (at a tenth,
half, 90% and twice its capacity), memory (20,000 requests), cold (start to first answer; with --gallery, enrolment to
recognition). RUN was exported (`shelfmind export RUN`, and `--format openvino --precision int8`); the plain service
uses its network.onnx. Each call prints table rows for RESULTS.md and ends after about --minutes; measurements that did
not fit are listed. Photos are in memory. Clients use cores too: see `client_cores`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import service_process as processes
from service_clients import Load, closed_loop, open_loop, request_of

import shelfmind

SEED = 0


def main() -> None:
    """Run one part."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("network", type=Path)
    words.add_argument("photos", type=Path)
    words.add_argument("--part", choices=PARTS, default="closed")
    words.add_argument("--minutes", type=float, default=4.5, help="no further measurement starts after this time")
    words.add_argument("--number", type=int, default=200, help="photos")
    words.add_argument("--seconds", type=float, default=3.0, help="seconds per measurement")
    words.add_argument("--rounds", type=int, default=4)
    words.add_argument("--clients", default="1,4,16,64")
    words.add_argument("--images", default="8", help="images per request, in the part images")
    words.add_argument("--requests", type=int, default=20_000)
    words.add_argument("--gallery", type=Path)
    words.add_argument("--engines", default="onnx", help="engine; several in the part engines")
    words.add_argument("--serve", default="", help="additional options of the command, such as '--workers 2'")
    words.add_argument("--json", type=Path)
    asked = words.parse_args()
    asked.until = time.perf_counter() + 60 * asked.minutes
    photos = processes.some_photos(asked.photos, asked.number, SEED)
    with tempfile.TemporaryDirectory() as folder:
        result = PARTS[asked.part](asked, photos, Path(folder))
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1))
    print(json.dumps({key: value for key, value in result.items() if key != "rounds"}, indent=1))


def closed(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Measure the service and the plain service with one to many clients, one image per request."""
    return _compared(asked, photos, folder, asked.engines, [(clients, 1) for clients in _clients(asked)], plain=True)


def images(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Measure several images per request."""
    sizes = [int(each) for each in asked.images.split(",")]
    loads = [(clients, size) for size in sizes for clients in _clients(asked)]
    return _compared(asked, photos, folder, asked.engines, loads, plain=False)


def engines(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Measure every engine in turn, each with its share of the time."""
    names, end = asked.engines.split(","), asked.until
    found: dict[str, Any] = {}
    for number, name in enumerate(names):
        now = time.perf_counter()
        asked.until = now + (end - now) / (len(names) - number)
        place = folder / str(number)
        place.mkdir()
        found[name] = _compared(asked, photos, place, name, [(each, 1) for each in _clients(asked)], plain=False)
    return found


def _clients(asked: argparse.Namespace) -> list[int]:
    return [int(each) for each in asked.clients.split(",")]


def engine_alone(predictor: Any, photos: list[bytes], seconds: float) -> float:
    """Return images per second of `Predictor.stream`, including decoding, in full batches."""
    began, done = time.perf_counter(), 0
    for batch in predictor.of_sources(itertools.cycle(photos)):
        done += len(batch.names)
        if time.perf_counter() - began > seconds:
            break
    return done / (time.perf_counter() - began)


def _compared(
    asked: argparse.Namespace,
    photos: list[bytes],
    folder: Path,
    engine: str,
    loads: Sequence[tuple[int, int]],
    plain: bool,
) -> dict[str, Any]:
    """Measure engine, service and plain service in turn, as often as time allows. Print a table of medians."""
    predictor = shelfmind.load(asked.network, engine=engine)
    expected = predictor.predict(photos)
    sizes = {1, *(size for _, size in loads)}
    many = {n: [request_of(photos[i : i + n]) for i in range(0, len(photos) - n + 1, n)] for n in sizes}
    result: dict[str, Any] = {"engine": predictor.engine.name, "photos": len(photos), "rounds": []}
    with contextlib.ExitStack() as stack:
        ports = {"service": processes.free_port()}
        command = _command(asked, engine, ports["service"], folder)
        stack.enter_context(processes.running(command, ports["service"], "/healthz", folder / "log"))
        network = asked.network / "network.onnx" if asked.network.is_dir() else asked.network
        if plain and network.suffix == ".onnx" and network.exists():
            ports["plain"] = processes.free_port()
            script = [sys.executable, Path(__file__).with_name("plain_service.py"), network, ports["plain"]]
            stack.enter_context(processes.running(script, ports["plain"], "/docs", folder / "log"))
        for name, port in ports.items():
            asyncio.run(closed_loop(port, many[1], 1, 4, 2))
            same = asyncio.run(closed_loop(port, many[1], 1, 16, 1e9, len(photos), keep=True))
            result[f"{name} equal to predict"] = _equal(same, expected)
        for round_ in range(asked.rounds):
            for (clients, size), (name, port) in itertools.product(loads, ports.items()):
                if time.perf_counter() > asked.until:
                    result["ended early"] = f"in round {round_ + 1} of {asked.rounds}"
                    break
                alone = engine_alone(predictor, photos, asked.seconds)
                load = asyncio.run(closed_loop(port, many[size], size, clients, asked.seconds)).record()
                row = {"who": name, "clients": clients, "images": size, "alone": round(alone, 1), **load}
                result["rounds"].append({**row, "share": round(load["images_per_second"] / alone, 3)})
    result["table"] = _table(result)
    print("\n".join(result["table"]), file=sys.stderr, flush=True)
    return result


def _table(result: dict[str, Any]) -> list[str]:
    """Return medians over the rounds, as in RESULTS.md."""
    lines = [
        "| engine | who | clients, images a request | rounds | alone, images/s | images/s | share | p50, p99 ms |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows = result["rounds"]
    for who, clients, size in dict.fromkeys((row["who"], row["clients"], row["images"]) for row in rows):
        same = [row for row in rows if (row["who"], row["clients"], row["images"]) == (who, clients, size)]
        middle = {
            key: statistics.median(row[key] for row in same if row[key] is not None)
            for key in ("alone", "images_per_second", "share", "p50_ms", "p99_ms")
        }
        cells = [
            result["engine"],
            who,
            f"{clients}, {size}",
            str(len(same)),
            f"{middle['alone']:.0f}",
            f"{middle['images_per_second']:.0f}",
            f"{middle['share']:.2f}",
            f"{middle['p50_ms']:.0f}, {middle['p99_ms']:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _command(asked: argparse.Namespace, engine: str, port: int, folder: Path, *words: str) -> list[object]:
    more = ("--engine", engine, *asked.serve.split(), *words)
    return processes.serve(asked.network, port, folder / "state", *more)


def _equal(load: Load, expected: Any) -> dict[str, Any]:
    """Compare answers with `predict`: the order of names, and the maximum difference of a probability."""
    names, greatest = 0, 0.0
    for number, answers in load.answers.items():
        got, want = answers[0]["candidates"], expected[number].guesses
        names += [each["product"] for each in got] == [each.class_name for each in want]
        pairs = zip(got, want, strict=True)
        greatest = max(greatest, *(abs(one["probability"] - other.probability) for one, other in pairs))
    return {"answers": len(load.answers), "same_names": names, "greatest_difference": greatest}


def opened(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Measure random arrivals at half the closed-loop rate, at 90%, and at twice that."""
    port = processes.free_port()
    requests = [request_of([each]) for each in photos]
    result: dict[str, Any] = {}
    command = _command(asked, asked.engines, port, folder)
    with processes.running(command, port, "/healthz", folder / "log"):
        asyncio.run(closed_loop(port, requests, 1, 16, 2))
        most = asyncio.run(closed_loop(port, requests, 1, 32, asked.seconds)).record()
        result["closed, 32 clients"] = most
        print("| rate | share of what it can | p50 ms | p99 ms | answers |\n" + 5 * "| --- " + "|", file=sys.stderr)
        for share in (0.1, 0.5, 0.9, 2.0):
            rate = share * most["images_per_second"]
            load = asyncio.run(open_loop(port, requests, 1, rate, asked.seconds)).record()
            result[f"open, {share:g} of it"] = load
            latencies, ends = (
                f"{load['p50_ms']} | {load['p99_ms']}",
                f"{load['statuses']}, {load['without_answer']} none",
            )
            print(f"| {rate:.0f}/s | {share:g} | {latencies} | {ends} |", file=sys.stderr, flush=True)
    return result


def memory(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Measure memory over many requests, valid and invalid."""
    port = processes.free_port()
    requests = [request_of([each]) for each in photos]
    requests[::10] = [request_of([each[: len(each) // 2]]) for each in photos[::10]]
    result: dict[str, Any] = {"requests": 0, "memory_mb": []}
    command = _command(asked, asked.engines, port, folder)
    began = time.perf_counter()
    with processes.running(command, port, "/healthz", folder / "log") as process:
        step = max(1, asked.requests // 10)
        while result["requests"] < asked.requests and time.perf_counter() < asked.until:
            load = asyncio.run(closed_loop(port, requests, 1, 32, 1e9, step))
            result["requests"] += step
            result["memory_mb"].append(round(processes.memory_mb(process.pid), 1))
            result.setdefault("statuses", {}).update({str(k): v for k, v in load.statuses.items()})
            print(result["requests"], result["memory_mb"][-1], file=sys.stderr, flush=True)
    result["seconds"] = round(time.perf_counter() - began, 1)
    return result


def cold(asked: argparse.Namespace, photos: list[bytes], folder: Path) -> dict[str, Any]:
    """Measure seconds from the command to the first answer, and from sending a product's photos to recognising it."""
    result: dict[str, Any] = {"start_s": [], "enrol_s": []}
    for round_ in range(asked.rounds):
        port, words = processes.free_port(), []
        if asked.gallery:
            gallery = folder / f"gallery {round_}"
            shutil.copytree(asked.gallery, gallery)
            words = ["--gallery", str(gallery)]
        command = _command(asked, asked.engines, port, folder, *words)
        began = time.perf_counter()
        with processes.running(command, port, "/healthz", folder / "log"):
            one = asyncio.run(closed_loop(port, [request_of(photos[:1])], 1, 1, 60, 1))
            result["start_s"].append(round(time.perf_counter() - began, 2))
            assert one.statuses == {200: 1}, one.statuses
            if asked.gallery:
                result["enrol_s"].append(_enrolled(port, photos))
    return result


def _enrolled(port: int, photos: list[bytes]) -> float:
    """Enrol three photos of one product and wait until it is recognised."""
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


PARTS = {"closed": closed, "images": images, "engines": engines, "open": opened, "memory": memory, "cold": cold}

if __name__ == "__main__":
    main()

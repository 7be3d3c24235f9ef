"""Kill `shelfmind serve` with SIGKILL under load, repeatedly: every acknowledged change must survive.

    python benchmarks/service_kill.py network.onnx GALLERY PHOTOS --rounds 50

GALLERY is copied. In each round, threads enrol, rename, remove and correct, while keys are created and revoked; then
the service is killed at a random moment. After the restart, every acknowledged change must be in the gallery, history,
audit log, corrections and keys, every file of the gallery must be intact, and no change may be half applied.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import service_process as processes

import shelfmind
from shelfmind.analysis.decisions import read_decisions
from shelfmind.gallery.stores import open_files
from shelfmind.gallery.verification import verify


class Acknowledged:
    """Changes acknowledged to clients."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.lock = threading.Lock()
        self.products: dict[str, int] = {}
        self.removed: set[str] = set()
        self.asked: set[str] = set()
        self.versions: set[int] = set()
        self.corrections: set[str] = set()
        self.keys: set[str] = set()
        self.revoked: set[str] = set()


def clients(port: int, key: str, photos: list[bytes], told: Acknowledged, round_: int, stop: threading.Event) -> None:
    """Make random changes until the connection breaks."""

    def one(number: int) -> None:
        rng = random.Random(f"{told.seed} {round_} {number}")
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=30, headers={"Authorization": f"Bearer {key}"}
        ) as web:
            for step in range(10_000):
                if stop.is_set():
                    return
                try:
                    _change(web, rng, photos, told, f"r{round_}c{number}s{step}")
                except httpx.TransportError:
                    return

    threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _change(web: httpx.Client, rng: random.Random, photos: list[bytes], told: Acknowledged, name: str) -> None:
    kind = rng.random()
    if kind < 0.5:
        with told.lock:
            told.asked.add(name)
        files = [("photo", ("p.jpg", rng.choice(photos)))]
        made = _good(web.post("/v1/gallery/skus", files=files, data={"sku": name, "strict": "false"}))
        with told.lock:
            told.products[name] = made["version"]
            told.versions.add(made["version"])
    elif kind < 0.7:
        with told.lock:
            own = [each for each in told.products if each.startswith(name.partition("s")[0] + "s")]
            gone = rng.choice(own) if own else None
            if gone is not None:
                del told.products[gone]
        if gone is not None:
            made = _good(web.delete(f"/v1/gallery/skus/{gone}"))
            with told.lock:
                told.removed.add(gone)
                told.versions.add(made["version"])
    else:
        made = _good(web.post("/v1/corrections", files={"image": ("c.jpg", rng.choice(photos))}, data={"label": name}))
        with told.lock:
            told.corrections.add(made["id"])


def _good(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 201, 429), answer.text
    if answer.status_code == 429:
        raise httpx.ReadError("full")
    return answer.json()


def keys(state: Path, told: Acknowledged, round_: int, stop: threading.Event) -> None:
    """Create and revoke keys by command, which is also killed now and then."""
    rng = random.Random(f"{told.seed} keys {round_}")
    for number in range(1000):
        if stop.is_set():
            return
        name = f"k{round_}n{number}"
        command = [processes.COMMAND, "keys", "add", name, "--state", str(state)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if rng.random() < 0.3:
            time.sleep(rng.random())
            process.kill()
        out = process.communicate()[0]
        if process.returncode == 0 and out.strip():
            told.keys.add(name)
            if rng.random() < 0.3:
                told.keys.discard(name)
                shelfmind.keys_revoke(name, state=state)
                told.revoked.add(name)


def check(network: Path, gallery: Path, state: Path, told: Acknowledged) -> Iterator[str]:
    """Return changes that are lost or half applied."""
    yield from (f"{fault.file}: {fault.what}" for fault in verify(open_files(str(gallery))))
    there = shelfmind.gallery_list(str(gallery))
    yield from (f"product {name} is lost" for name in told.products if name not in there)
    yield from (f"product {name} is back" for name in told.removed if name in there)
    yield from (f"product {name} was never requested" for name in there if name[:1] == "r" and name not in told.asked)
    versions = {each.version for each in shelfmind.gallery_history(str(gallery))}
    yield from (f"version {each} is lost" for each in told.versions - versions)
    lines = (state / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            if line:
                continue  # truncated by the kill; nothing in it was acknowledged
    done = {each.get("version") for each in records if each["event"] == "done"}
    yield from (f"version {each} has no line in the audit log" for each in told.versions - done)
    if (state / "corrections" / "review.jsonl").exists():
        kept = {each.id for each in read_decisions(state / "corrections" / "review.jsonl")}
        yield from (f"correction {each} is lost" for each in told.corrections - kept)
    names = {each.name for each in shelfmind.keys_list(state=state)}
    yield from (f"key {each} is lost" for each in told.keys - names)
    yield from (f"key {each} is back" for each in told.revoked & names)


def main() -> None:
    """Run the rounds."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("network", type=Path)
    words.add_argument("gallery", type=Path)
    words.add_argument("photos", type=Path)
    words.add_argument("--rounds", type=int, default=50)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--serve", default="--engine onnx", help="additional options of the command")
    asked = words.parse_args()
    photos = processes.some_photos(asked.photos, 300, asked.seed)
    rng, told, faults = random.Random(asked.seed), Acknowledged(asked.seed), []
    with tempfile.TemporaryDirectory() as folder:
        gallery, state = Path(folder) / "gallery", Path(folder) / "state"
        shutil.copytree(asked.gallery, gallery)
        key = shelfmind.keys_add("clients", role="write", state=state)
        for round_ in range(asked.rounds):
            port = processes.free_port()
            command = processes.serve(asked.network, port, state, "--gallery", gallery, *asked.serve.split())
            with processes.running(command, port, "/healthz", Path(folder) / "log") as process:
                stop = threading.Event()
                threads = [
                    threading.Thread(target=clients, args=(port, key, photos, told, round_, stop)),
                    threading.Thread(target=keys, args=(state, told, round_, stop)),
                ]
                for thread in threads:
                    thread.start()
                _wait_for_load(told, len(told.versions))
                time.sleep(rng.random())
                for each in (process.pid, *processes.children(process.pid)):
                    _kill(each)
                process.wait()
                stop.set()
                for thread in threads:
                    thread.join()
            lost = list(check(asked.network, gallery, state, told))
            faults += [f"round {round_}: {each}" for each in lost]
            said = f"{len(told.versions)} changes, {len(told.corrections)} corrections, {len(told.keys)} keys"
            print(f"round {round_ + 1}: {said} acknowledged; {len(lost)} faults", flush=True)
    print(json.dumps({"rounds": asked.rounds, "seed": asked.seed, "said": said, "faults": faults}, indent=1))


def _wait_for_load(told: Acknowledged, before: int) -> None:
    """Wait until some changes of this round are acknowledged, however slow the machine."""
    until = time.monotonic() + 120
    while len(told.versions) < before + 3 and time.monotonic() < until:
        time.sleep(0.01)


def _kill(process: int) -> None:
    import os

    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


if __name__ == "__main__":
    main()

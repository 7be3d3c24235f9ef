"""Turn corrections sent over HTTP into a better run in the same service, and evaluate it on corrected and other photos.

    python benchmarks/service_feedback.py RUN photos.csv --recipe RUN/recipe.yaml --set train.epochs=3 --out feedback

RUN was not trained on the photos of `--split` (val). Ten photos that it gets wrong are set aside, sent and corrected
over HTTP. `prepare` turns the corrections into training data, `train --init` trains a run, and the running service
switches to it. The evaluation covers the ten photos, and all other photos of the split, which nobody corrected.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import service_process as processes

SEED = 0
Photo = tuple[Path, str]


def main() -> None:
    """Run the loop once."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("run", type=Path)
    words.add_argument("photos", type=Path, help="list with the columns path,label,split")
    words.add_argument("--split", default="val")
    words.add_argument("--number", type=int, default=10)
    words.add_argument("--engine", default="onnx")
    words.add_argument("--recipe", default="default", help="recipe of the second training run")
    words.add_argument("--rehearse", type=float, default=1.0, help="share of the run's photos that are rehearsed")
    words.add_argument("--set", action="append", default=[], help="change the recipe")
    words.add_argument("--out", type=Path, required=True)
    asked = words.parse_args()
    asked.out.mkdir()
    current, port = asked.out / "current", processes.free_port()
    current.symlink_to(asked.run.resolve())
    with open(asked.photos, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    labelled = [(asked.photos.parent / row["path"], row["label"]) for row in rows if row["split"] == asked.split]
    command = processes.serve(current, port, asked.out / "state", "--engine", asked.engine, "--watch-seconds", "1")
    with (
        processes.running(command, port, "/healthz", asked.out / "log"),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as web,
    ):
        before = answers(web, labelled)
        wrong = [photo for photo, said in zip(labelled, before, strict=True) if said != photo[1]]
        chosen = random.Random(SEED).sample(wrong, asked.number)
        for path, label in chosen:
            form = {"said": before[labelled.index((path, label))], "label": label}
            web.post("/v1/corrections", files={"image": path.read_bytes()}, data=form).raise_for_status()
        seconds = swapped(web, current, trained(asked, rows, {path.resolve() for path, _ in chosen}))
        after = answers(web, labelled)
    parts = {"corrected": chosen, "others": [photo for photo in labelled if photo not in chosen]}
    result: dict[str, Any] = {"seconds_until_swapped": round(seconds, 2)}
    for name, photos in parts.items():
        numbers = [labelled.index(photo) for photo in photos]
        right = [sum(said[number] == labelled[number][1] for number in numbers) for said in (before, after)]
        result[name] = {"photos": len(photos), "right_before": right[0], "right_after": right[1]}
    print(json.dumps(result, indent=1))


def swapped(web: httpx.Client, current: Path, second: Path) -> float:
    """Return the seconds until the service uses another run after the link was changed."""
    generation = web.get("/v1/model").json()["generation"]
    replacement = current.with_name("link to come")
    replacement.symlink_to(second.resolve())
    replacement.rename(current)
    began = time.monotonic()
    while web.get("/v1/model").json()["generation"] == generation:
        time.sleep(0.05)
        if time.monotonic() - began > 60:
            raise SystemExit(f"the service stays with the old run: {web.get('/v1/model').json()['trouble']}")
    return time.monotonic() - began


def answers(web: httpx.Client, photos: list[Photo]) -> list[str]:
    """Return the service's top-1 class of each photo."""
    found: list[Any] = []
    for start in range(0, len(photos), 32):
        files = [("image", (str(path.name), path.read_bytes())) for path, _ in photos[start : start + 32]]
        answered = web.post("/v1/recognize", files=files)
        answered.raise_for_status()
        found += [each["answer"] for each in answered.json()["answers"]]
    return found


def trained(asked: argparse.Namespace, rows: list[dict[str, str]], corrected: set[Path]) -> Path:
    """Run the documented steps: `prepare` twice, add corrections to the photos, `train --init`, `export`."""
    out, base = asked.out, asked.photos.parent
    kept = [row for row in rows if (base / row["path"]).resolve() not in corrected]
    with open(out / "known.csv", "w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["path", "label", "split"])
        table.writerows([(base / row["path"]).resolve(), row["label"], row["split"]] for row in kept)
    corrections = out / "state" / "corrections"
    decisions = ("--decisions", corrections / "review.jsonl", "--classes-of", asked.run)
    all_train = ("--val-fraction", 0, "--test-fraction", 0, "--split-floor", 0)
    run("prepare", corrections / "list.csv", *decisions, *all_train, "--out", out / "corrected")
    rehearsed = () if asked.rehearse == 1 else ("--fraction", asked.rehearse)
    run("prepare", out / "known.csv", *rehearsed, "--out", out / "next")
    shutil.copytree(out / "corrected" / "train", out / "next" / "train", dirs_exist_ok=True)
    settings = [word for value in asked.set for word in ("--set", value)]
    second = out / "second"
    run("train", out / "next", "--init", asked.run, "--recipe", asked.recipe, *settings, "--out", second)
    if asked.engine != "mindspore":
        run("export", second, "--format", asked.engine)
    return second


def run(*words: object) -> None:
    """Run a shelfmind command and pass on its output."""
    print("shelfmind", *words, flush=True)
    subprocess.run([processes.COMMAND, *map(str, words)], check=True)


if __name__ == "__main__":
    main()

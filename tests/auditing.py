"""A small data set with an audit of it, for tests of the review and of cleaning."""

from __future__ import annotations

import json
from pathlib import Path

from shelfmind import generate
from shelfmind.analysis.suspects import Suspect, write_suspects


def relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def write_audit(folder: Path, root: Path, class_names: list[str], suspects: list[Suspect]) -> Path:
    """The files of an audit folder that the review reads."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"root": str(root), "format": "folder", "class_names": sorted(class_names), "seed": 0}
    (folder / "audit.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
    write_suspects(folder / "suspects.jsonl", suspects)
    return folder


def details(kind: str, other: str, number: int) -> str:
    """What an audit says of a suspect, in its words."""
    confidence = f"the label has an out-of-fold probability of {number / 80:.1%}"
    times = "more than 1000 times" if number % 8 else "5.1 times"
    return {
        "label": f"{confidence}; including its nearest neighbours, '{other}' is {times} as likely",
        "conflict": f"near-duplicate of an image labelled {other}",
        "outlier": f"far from every class (7.3 deviations from the nearest); {confidence}",
    }[kind]


def suspects_of(root: Path, count: int) -> list[Suspect]:
    """Some training images of `root`, each with its class, another one as the suggestion, and neighbours of both."""
    classes = sorted(path.name for path in (root / "train").iterdir())
    images = {name: sorted((root / "train" / name).iterdir()) for name in classes}
    kinds = ("label", "label", "conflict", "outlier")
    suspects = []
    for number in range(count):
        given = classes[number % len(classes)]
        other = classes[(number + 1) % len(classes)]
        path = images[given][(number // len(classes)) % len(images[given])]
        kind = kinds[number % len(kinds)]
        suspects.append(
            Suspect(
                path=relative(path, root),
                split="train",
                given=given,
                suggested=None if kind == "outlier" else other,
                kind=kind,
                score=1 - number / (count + 1),
                detail=details(kind, other, number),
                neighbours=() if kind == "outlier" else tuple(relative(each, root) for each in images[other][:4]),
                given_neighbours=tuple(relative(each, root) for each in images[given][-3:]),
            )
        )
    return suspects


def make_audited_data(place: Path, classes: int = 6, images: int = 120, suspects: int = 18) -> tuple[Path, Path]:
    """A generated data set and its audit folder."""
    root = place / "商品 照片"
    generate(root, classes=classes, images=images, seed=0, layout="folder", tail=0, others_share=0.15)
    names = [path.name for path in (root / "train").iterdir()]
    return root, write_audit(place / "audit", root, names, suspects_of(root, suspects))

"""WebDataset: tar shards in which the members of a photo share a key, ``0017.jpg``, ``0017.cls``, ``0017.json``."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shelfmind.data.assembling import FoundImage, assemble
from shelfmind.data.class_labels import CLASS_LIST, ClassNames, listed_classes
from shelfmind.data.listing import count_by_suffix, is_hidden, is_image_name, note_others
from shelfmind.data.shards import Shard, find_shards, reading, shards_root
from shelfmind.errors import UserError
from shelfmind.images.archives import TAR_SUFFIXES, members_of, read_members
from shelfmind.nouns import counted, shortened
from shelfmind.records import Catalog
from shelfmind.structured_text import parse_json
from shelfmind.urls import shown_url

LABELS = ("cls", "json", "txt")
"""Members that can hold the label, in the order in which they are looked for."""
_FIELDS = ("label", "class")


@dataclass
class _Found:
    """What the shards contain."""

    images: list[FoundImage] = field(default_factory=list)
    unlabelled: list[Path] = field(default_factory=list)
    dotted: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    skipped: int = 0


def webdataset_catalog(root: Path, seed: int = 0, same_names: bool = False) -> Catalog:
    """The catalog of tar shards: a folder of them, or one shard.

    The label of a photo is its member ``.cls`` (a name, or a number of ``classes.txt``), the field `label` or `class`
    of ``.json``, or ``.txt``; see `ClassNames` for names that are numbers. The name or folder of a shard gives its
    split. Raises `UserError` for damaged shards and for photos without a label.
    """
    shards, notes = find_shards(root, TAR_SUFFIXES)
    if not shards:
        raise UserError(f"no tar shards in {shown_url(root)} (looked for *.tar, such as train-000.tar)")
    folder = shards_root(root, TAR_SUFFIXES)
    names = ClassNames(listed_classes(folder))
    found = _Found()
    for shard in shards:
        with reading(shard.path):
            _read(shard, names, found)
    if found.unlabelled:
        count = counted(len(found.unlabelled), "photo has", "photos have")
        raise UserError(
            f"{count} no label: {shortened((shown_url(path) for path in found.unlabelled), 3)}; add a member with the "
            "same key and the suffix .cls (a class name or number) to the shard, or leave the photo out"
        )
    locations = dict.fromkeys(names.listed, CLASS_LIST)
    for image in found.images:
        locations.setdefault(image.class_name, shown_url(image.path))
    return assemble(
        found.images,
        locations,
        root=folder,
        format="webdataset",
        seed=seed,
        notes=[*notes, *_notes(found, names)],
        same_names=same_names,
    )


def _read(shard: Shard, names: ClassNames, found: _Found) -> None:
    members = members_of(shard.path)
    found.skipped += members.skipped
    photos: dict[str, str] = {}
    labels: dict[str, dict[str, str]] = {}
    for name in members.names:
        key, suffix = _key(name)
        if is_hidden(posixpath.basename(name)):
            continue
        if is_image_name(name) and "." in suffix:
            found.dotted.append(name)
        elif is_image_name(name):
            if key in photos:
                raise UserError(
                    f"{shown_url(shard.path)} has two photos with the key {key} ({photos[key]}, {name}); give each "
                    "photo a key of its own: the name up to the first dot"
                )
            photos[key] = name
        elif suffix in LABELS:
            labels.setdefault(key, {})[suffix] = name
        else:
            found.others.append(name)
    texts = _texts(shard.path, [name for key in photos for name in _candidates(labels.get(key, {}))])
    for key, name in photos.items():
        path = shard.path / name
        label, plain = _label(shard.path, labels.get(key, {}), texts)
        if label is None:
            found.unlabelled.append(path)
        else:
            found.images.append(FoundImage(path, names.of(label, shown_url(path), plain), shard.split))


def _candidates(members: Mapping[str, str]) -> Iterable[str]:
    """The members of a key that `_label` reads."""
    return [members["cls"]] if "cls" in members else members.values()


def _texts(shard: Path, names: Sequence[str]) -> dict[str, bytes]:
    return dict(zip(names, read_members(shard, names), strict=True))


def _key(name: str) -> tuple[str, str]:
    """The key of a member and its suffix in lower case: the name up to the first dot of its last part, and the rest."""
    folder, _, last = name.rpartition("/")
    stem, _, suffix = last.partition(".")
    return f"{folder}/{stem}" if folder else stem, suffix.lower()


def _label(shard: Path, members: Mapping[str, str], texts: Mapping[str, bytes]) -> tuple[Any, bool]:
    """The label of a photo from the members of its key, by suffix, and whether it is plain text; None if there is
    none."""
    for suffix in LABELS:
        if suffix not in members:
            continue
        name = members[suffix]
        try:
            text = texts[name].decode("utf-8-sig").strip()
            described = parse_json(text) if suffix == "json" else None
        except UnicodeDecodeError as error:
            raise UserError(f"{shown_url(shard / name)} is not UTF-8 text; pack the shard again") from error
        except ValueError as error:
            raise UserError(
                f"{shown_url(shard / name)} is not valid JSON: {error}; correct it and pack the shard again"
            ) from error
        if suffix != "json":
            return text, True
        if isinstance(described, dict):
            label = next((described[name] for name in _FIELDS if described.get(name) is not None), None)
            if label is not None:
                return label, False
    return None, False


def _notes(found: _Found, names: ClassNames) -> list[str]:
    notes = [*note_others(count_by_suffix(found.others)), *names.notes]
    if found.dotted:
        count = counted(len(found.dotted), "image was", "images were")
        dotted = shortened(found.dotted, 3)
        notes.append(f"{count} skipped because of a dot before the suffix, as in the names of masks: {dotted}")
    if found.skipped:
        notes.append(
            f"{counted(found.skipped, 'member is', 'members are')} not a regular file and skipped, such as links"
        )
    if not names.listed and found.images and all(image.class_name.isdecimal() for image in found.images):
        notes.append(
            f"classes are called by their numbers; {CLASS_LIST} next to the shards, one name a line, names them"
        )
    return notes

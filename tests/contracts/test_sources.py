"""Every data source of the table reads the same twelve photos into the same kind of catalog."""

from __future__ import annotations

import io
import tarfile
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from shelfmind.data import SOURCES, detect_format, open_catalog
from shelfmind.errors import UserError
from shelfmind.images.photo_files import file_exists
from shelfmind.records import Catalog

CLASSES = ("可乐（听装）330ml", "雪碧 500ml")
SPLITS = {"train": 4, "test": 2}
"""Photos of each class in each split."""


def photos() -> list[tuple[str, str, str]]:
    """Split, class name and file name of each photo."""
    return [
        (split, name, f"照片 {split}{CLASSES.index(name)}{number}.jpg")
        for split, count in SPLITS.items()
        for name in CLASSES
        for number in range(count)
    ]


def touched(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def make_folder(root: Path) -> None:
    for split, name, file in photos():
        touched(root / split / name / file)


def make_rp2k(root: Path) -> None:
    for split, name, file in photos():
        touched(root / "all" / split / name / file)


def make_csv(root: Path) -> None:
    rows = [f"{touched(root / 'images' / file).relative_to(root)},{name},{split}" for split, name, file in photos()]
    (root / "list.csv").write_text("\n".join(["path,label,split", *rows]) + "\n", encoding="utf-8")


def make_grocery_store(root: Path) -> None:
    header = "Class Name (str),Class ID (int),Coarse Class Name (str),Coarse Class ID (int)"
    classes = [f"{name},{number},drinks,0" for number, name in enumerate(CLASSES)]
    (root / "classes.csv").write_text("\n".join([header, *classes]) + "\n", encoding="utf-8")
    for split in SPLITS:
        lines = [
            f"{touched(root / split / file).relative_to(root)}, {CLASSES.index(name)}, 0"
            for part, name, file in photos()
            if part == split
        ]
        (root / f"{split}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_webdataset(root: Path) -> None:
    for split in SPLITS:
        with tarfile.open(root / f"{split}-000.tar", "w") as archive:
            for part, name, file in photos():
                if part == split:
                    for member, content in ((file, b""), (f"{file.removesuffix('.jpg')}.cls", name.encode())):
                        facts = tarfile.TarInfo(member)
                        facts.size = len(content)
                        archive.addfile(facts, io.BytesIO(content))


def make_parquet(root: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'shelfmind[parquet]'")
    parquet = pytest.importorskip("pyarrow.parquet")
    for split in SPLITS:
        own = [(name, file) for part, name, file in photos() if part == split]
        images = pyarrow.array([{"bytes": b"1", "path": file} for _, file in own])
        table = pyarrow.table({"image": images, "label": [name for name, _ in own]})
        parquet.write_table(table, root / f"{split}-00000-of-00001.parquet")


MAKERS: dict[str, Callable[[Path], None]] = {
    "csv": make_csv,
    "folder": make_folder,
    "grocery_store": make_grocery_store,
    "parquet": make_parquet,
    "rp2k": make_rp2k,
    "webdataset": make_webdataset,
}


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> str:
    """The name of a source; one that is listed without a maker fails here."""
    return str(request.param)


@pytest.fixture
def root(source: str, tmp_path: Path) -> Path:
    """The twelve photos as this source wants them."""
    root = tmp_path / "数据 set"
    root.mkdir()
    MAKERS[source](root)
    return root


def contents(catalog: Catalog) -> set[tuple[str, str]]:
    return {(sample.path.name, catalog.class_names[sample.label]) for sample in catalog.samples}


def test_every_photo_has_its_class_and_its_split(source: str, root: Path) -> None:
    catalog = SOURCES[source].read(root)
    assert contents(catalog) == {(file, name) for _, name, file in photos()}
    own = {file: split for split, _, file in photos()}
    assert {sample.split for sample in catalog.samples} <= {"train", "val", "test"}
    for sample in catalog.samples:  # val may be taken from train where there is none
        assert (own[sample.path.name] == "test") == (sample.split == "test")


def test_a_catalog_is_in_order(source: str, root: Path) -> None:
    catalog = SOURCES[source].read(root)
    assert catalog.format == source
    assert list(catalog.class_names) == sorted(catalog.class_names)
    assert all(unicodedata.is_normalized("NFC", name) for name in catalog.class_names)
    assert {sample.label for sample in catalog.samples} == set(range(len(catalog.class_names)))
    assert len({sample.path for sample in catalog.samples}) == len(catalog.samples)
    assert all(file_exists(sample.path) and sample.path.is_absolute() for sample in catalog.samples)


def test_it_is_found_out_and_read_the_same_way_again(source: str, root: Path) -> None:
    assert detect_format(root) == source
    assert SOURCES[source].matches(root)
    assert [name for name, other in SOURCES.items() if other.exclusive and other.matches(root)] in ([], [source])
    assert open_catalog(root) == open_catalog(root, source) == SOURCES[source].read(root, seed=0)


def test_a_seed_decides_the_split_and_nothing_else(source: str, root: Path) -> None:
    assert SOURCES[source].read(root, seed=3) == SOURCES[source].read(root, seed=3)
    assert contents(SOURCES[source].read(root, seed=3)) == contents(SOURCES[source].read(root, seed=4))


def test_an_empty_folder_is_the_users_to_mend(source: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert not SOURCES[source].matches(tmp_path / "empty")
    with pytest.raises(UserError):
        SOURCES[source].read(tmp_path / "empty")


def test_a_file_that_is_no_data_is_of_no_kind(source: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("photos of June\n")
    assert not SOURCES[source].matches(tmp_path / "notes.txt")
    with pytest.raises(UserError, match="looked for") as caught:
        detect_format(tmp_path)
    assert SOURCES[source].description in str(caught.value)

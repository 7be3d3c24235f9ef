"""The parsers that `fuzz.py` tests: each with valid files to start from. One line of `PARSERS` adds another."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shelfmind.ablation.table import read_table as read_ablations
from shelfmind.ablation.table import table_names, table_text
from shelfmind.analysis.decisions import decide, decision_line, read_decisions, resolve, take_back
from shelfmind.analysis.suspects import Suspect, read_suspects, write_suspects
from shelfmind.data.broader import read_broader
from shelfmind.data.class_labels import listed_classes
from shelfmind.data.csv_file import csv_catalog
from shelfmind.data.parquet import parquet_catalog
from shelfmind.data.splits import read_split
from shelfmind.data.webdataset import webdataset_catalog
from shelfmind.errors import UserError
from shelfmind.gallery.changes import Change, Entry, Summary, checksum, read_base, read_change, seal_of, sealed
from shelfmind.gallery.state import GalleryState
from shelfmind.gallery.vectors import read_vectors
from shelfmind.images.decoding import open_image
from shelfmind.images.photo_files import read_file
from shelfmind.inference.carriers import DIGEST, ProtocolBuffer, archived
from shelfmind.inference.classifier import Classifier
from shelfmind.inference.exported import CARRIERS, FACTS, read_exported, write_exported
from shelfmind.machine.checksum_lists import CHECKSUMS, checksums_in
from shelfmind.recipe import Recipe, load_recipe, note_built_in_defaults, recipe_text
from shelfmind.records import Catalog, Predictions
from shelfmind.requests.improving import TuneRequest
from shelfmind.review.audit_folder import read_audit
from shelfmind.runs.calibration import read_temperature, temperatures
from shelfmind.runs.folder import RunFolder
from shelfmind.serving.keys import Keys
from shelfmind.training.search_space import parse_space

YAML = (
    *b"&a *a <<: - ? : | > { } [ ] , # ' \" %YAML --- ... ~ null true .nan .inf -.inf 1e999 0x7f 0o17 1_000".split(),
    *b"2026-99-99 2026-11-30T99:99:99Z !!binary !!timestamp !!set !!omap !!int !!float \\xff \xef\xbb\xbf".split(),
    b"!!python/object:os.system", b"\n", b"\t", b"  ", b"\x00", b"\n  - ", b": [", b": {", b"\xff",
    b"[" * 2000, b"? " * 500, b"9" * 5000, "名".encode(),
)  # fmt: skip
JSON = (
    *b'{ } [ ] , : " \\ null true false NaN Infinity -1 1e999 0.5 "" {} [] "\\ud800" "x"'.split(),
    b"\n", b"\r\n", b"\x00", b"\xff", b"[" * 20_000, b'{"a":' * 5000, b"9" * 5000, b"-0", b"\xe2\x80\xa8",
    "名".encode(),
)  # fmt: skip
CSV = (
    b'"', b'""', b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"\x00", b"\xff", b"\xef\xbb\xbf", b"'", b"\\",
    b"x" * 140_000, b"train", b"test", b"path", b"label", b"split", b"../", b"/", b".", b"~", b"a" * 5000, b"\xc2\xa0",
    "名".encode(), b"\xed\xa0\x80",
)  # fmt: skip
DIGEST_OF = {"a": "0" * 64, "b": "1" * 64}


@dataclass(frozen=True)
class Parser:
    """What is tested: `parse` gets the content of a file, with its working directory as scratch folder.

    `seeds` returns valid contents; `tokens` are inserted into text; `share` is the parser's share of all inputs.
    """

    parse: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    share: int
    tokens: tuple[bytes, ...] = ()


def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Return a parser that writes the content to a file of this name, and reads that."""
    path = Path(name)

    def parse(content: bytes) -> object:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return read(path)

    return parse


def photos() -> list[bytes]:
    """Return a small photo in every format, colour mode and compression that Pillow writes."""
    noise = np.random.default_rng(0).integers(0, 256, (19, 26, 4), np.uint8)
    rgba = Image.fromarray(noise, "RGBA").resize((26, 19))
    rgb, grey, palette = rgba.convert("RGB"), rgba.convert("L"), rgba.convert("RGB").quantize(16)
    deep = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    real = Image.fromarray(noise[..., 0].astype(np.float32) / 255)
    upright = Image.Exif()
    upright[0x112] = 6
    made: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (rgb, "JPEG", {}), (rgb, "JPEG", {"progressive": True, "exif": upright}), (grey, "JPEG", {}),
        (rgb.convert("CMYK"), "JPEG", {"quality": 30}), (rgb, "MPO", {"save_all": True, "append_images": [rgb]}),
        (rgb, "PNG", {}), (rgba, "PNG", {"exif": upright}), (palette, "PNG", {"transparency": 3}), (deep, "PNG", {}),
        (grey.convert("1"), "PNG", {}), (rgba, "PNG", {"save_all": True, "append_images": [rgba.rotate(90)]}),
        (rgb, "WEBP", {}), (rgba, "WEBP", {"lossless": True, "exif": upright}),
        (rgba, "WEBP", {"save_all": True, "append_images": [rgba]}),
        (rgb, "BMP", {}), (palette, "BMP", {}), (grey.convert("1"), "BMP", {}), (rgba, "BMP", {}),
        (rgb, "GIF", {}),
        (palette, "GIF", {"save_all": True, "append_images": [palette.rotate(90)], "transparency": 1}),
        (rgb, "TIFF", {}), (rgb, "TIFF", {"compression": "tiff_lzw"}), (rgb, "TIFF", {"compression": "jpeg"}),
        (rgba, "TIFF", {"compression": "tiff_deflate"}), (grey.convert("1"), "TIFF", {"compression": "group4"}),
        (deep, "TIFF", {}), (real, "TIFF", {}), (palette, "TIFF", {"compression": "packbits"}),
        (rgb, "AVIF", {"speed": 10}),
    ]  # fmt: skip
    found = []
    for image, form, options in made:
        stream = io.BytesIO()
        with suppress(KeyError, OSError):  # a Pillow without this format
            image.save(stream, form, **options)
            found.append(stream.getvalue())
    return found


def recipes() -> list[bytes]:
    """Return packaged recipes, one that extends another, and a complete one."""
    own = "extends: default\ntrain: {epochs: 3, lr: 0.05}\naugment:\n  - horizontal_flip\n  - cutout: {length: 14}\n"
    return [
        own.encode(),
        *(recipe_text(name).encode() for name in ("default", "base", "grocery_cpu")),
        Recipe().dump().encode(),
    ]


def lists() -> list[bytes]:
    """Return lists of images."""
    plain = "path,label,split\na/1.jpg,红茶,train\na/2.jpg,红茶,val\nb/1.jpg,green tea,train\nb/2.jpg,green tea,test\n"
    return [
        plain.encode(), plain.replace(",", ";").encode("utf-8-sig"), plain.replace("\n", "\r\n").encode(),
        b'path\tlabel\n"a b.jpg"\t"x"\n"c.jpg"\ty\n', b'label,path\n"quo""ted, name",1.jpg\n"line\nbreak",2.jpg\n',
    ]  # fmt: skip


def decisions() -> list[bytes]:
    """Return logs of decisions."""
    made = [
        decide("Wang", "a/1.jpg", "a", "keep"),
        decide("Li", "a/2.jpg", "a", "relabel", "b"),
        decide("Li", "c.jpg", "a", "others"),
    ]
    lines = [decision_line(each) for each in (*made, take_back(made[0], "Wang"))]
    return [b"".join(lines), lines[1], b"".join(lines)[:-20]]


def suspects() -> list[bytes]:
    """Return a list of suspects."""
    path = Path("seed.jsonl")
    write_suspects(
        path,
        [
            Suspect("a/1.jpg", "train", "a", "b", "label", 0.9, "why", ("x.jpg",)),
            Suspect("b", "val", "b", None, "copy", 0.1),
        ],
    )
    return [path.read_bytes()]


def predictions() -> list[bytes]:
    """Return files of predictions, one of them compressed by NumPy."""
    path = Path("seed.npz")
    rng = np.random.default_rng(0)
    chances = rng.random((3, 2)).astype(np.float32)
    Predictions(
        ("a", "b", "名"), np.array([0, 1, -1]), chances, rng.random((3, 4)).astype(np.float32), ("x", "y")
    ).save(path)
    with np.load(path) as arrays:
        np.savez(path.with_name("plain.npz"), **arrays)
    return [path.read_bytes(), path.with_name("plain.npz").read_bytes()]


FORMS: Mapping[str, bytes] = {
    "onnx": b"\x08\x08\x12\x04test", "mindir": b"\x08\x08\x12\x04test",
    "openvino": archived({"network.xml": b"<net/>", "network.bin": b"1234"}),
}  # fmt: skip


FIELDS = (14, 13)
"""The fields of the metadata in ONNX and MindIR."""


def facts() -> dict[str, Any]:
    """Return the metadata of an exported file."""
    return {
        "recipe": Recipe().model_dump(mode="json"), "class_names": ["a", "b", "名"], "train_images": [2, 2, 2],
        "weights": "1" * 64,
        "width": 3, "precision": "fp32", "temperatures": [[["flip"], 1.2], [[], 1.1]],
        "parity": {"onnx": {"images_per_second": 1.0}},
        "provenance": {"seed": 0},
    }  # fmt: skip


def exported() -> list[bytes]:
    """Return an exported file of each format, around a network that is not one."""
    made = []
    for form, network in FORMS.items():
        write_exported(Path(f"seed.{form}"), form, network, facts(), Classifier(np.eye(3, dtype=np.float32)))
        made.append(Path(f"seed.{form}").read_bytes())
    return made


def read_whole_export(path: Path) -> object:
    """Read an exported file as an engine does."""
    found = read_exported(path)
    return found.recipe, found.precision, found.class_names, found.train_images, found.temperature(("flip",))


def read_resealed(content: bytes) -> object:
    """Read an exported file whose checksum fits whatever the rest is."""
    if content.startswith(b"PK"):
        body = content[:-DIGEST]
        return in_file("resealed", read_whole_export)(body + hashlib.sha256(body).hexdigest().encode())
    size = len(ProtocolBuffer(FIELDS[0]).embed(b"", {}))
    field = FIELDS[content[-size:].startswith(bytes([FIELDS[1] << 3 | 2]))]
    return in_file("resealed", read_whole_export)(ProtocolBuffer(field).embed(content[:-size], {}))


def read_facts(content: bytes) -> object:
    """Read an exported file with these metadata and an intact checksum."""
    text = content.decode("utf-8", "replace")
    return in_file("facts.onnx", read_whole_export)(CARRIERS["onnx"].embed(FORMS["onnx"], {FACTS: text}))


def texts_of_facts() -> list[bytes]:
    """Return the metadata of an exported file as JSON."""
    small = {**facts(), "recipe": {"train": {"epochs": 3}}}
    return [json.dumps({"format": 1, **each}, ensure_ascii=False).encode() for each in (small, facts())]


def changes() -> Iterator[Change]:
    """Yield the first two changes of a gallery."""
    summary = Summary(1, "2026-11-30T00:00:00+00:00", "Wang", "why", "create", "what")
    yield Change(summary, "", embedder={"weights": "1", "width": 8})
    entries = tuple(Entry("sku", digest, "1.jpg") for digest in DIGEST_OF.values())
    fitted = {"kind": "rule", "arrays": {"learnt": "2" * 64}}
    yield Change(
        Summary(2, "", "", "", "add", ""), "", entries, entries[:1], "3" * 64, tuple(DIGEST_OF.values()), None, fitted
    )


def read_sealed(content: bytes) -> object:
    """Read a change, and a base, with an intact seal, and apply the change."""
    line = content.partition(b"\n")[0]
    whole = line + b"\n" + checksum(line).encode() + b"\n"
    with suppress(UserError):
        GalleryState.of_base(read_base("bases/000000001.json", whole))
    state = GalleryState()
    state.apply(read_change("changes/000000001.json", whole), seal_of(whole))
    return list(state.entries())


def bases() -> list[bytes]:
    """Return changes and a base as JSON."""
    content = {
        "format": 1,
        "version": 3,
        "head": "4" * 64,
        "embedder": {"width": 8},
        "entries": [asdict(Entry("sku", "0" * 64, "1.jpg"))],
    }
    base = {**content, "vectors": "3" * 64, "embedded": ["0" * 64], "history": [], "recognition": None}
    return [*(sealed(each).partition(b"\n")[0] for each in changes()), json.dumps(base).encode()]


class OneFile:
    """The files of a gallery that consist of one content, whatever the name."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, name: str) -> bytes:
        """Return the content."""
        return self.content


def vectors() -> list[bytes]:
    """Return arrays as NumPy writes them."""
    made = []
    for array in (np.eye(3, dtype=np.float32), np.zeros((0, 4), np.float32), np.asfortranarray(np.ones((2, 3)))):
        stream = io.BytesIO()
        np.save(stream, array)
        made.append(stream.getvalue())
    return made


def read_run_files(content: bytes) -> None:
    """Read a JSON file of a run as each of those that a run has; all must be refused or read."""
    run = RunFolder(Path("run"))
    run.root.mkdir(exist_ok=True)
    reads: dict[Path, Callable[[], object]] = {
        run.classes: run.read_classes, run.log: run.is_trained, run.checksums: run.sealed,
        run.calibration: lambda: (read_temperature(run, "1", ()), temperatures(run, "1")),
    }  # fmt: skip
    for path, read in reads.items():
        path.write_bytes(content)
        with suppress(UserError):
            read()
        if path == run.log:
            run.read_warnings()
        path.unlink()


def run_files() -> list[bytes]:
    """Return JSON files of a run."""
    lines = [json.dumps({"epoch": epoch, "progress": epoch / 2, "warnings": ["few"]}) for epoch in range(3)]
    calibration = {"temperature": 1.1, "tta": [], "weights": "1", "split": "val"}
    files = {"names": ["a", "名"], "train_images": [1, 2]}, {"recipe.yaml": "0" * 64}, calibration
    return ["\n".join(lines).encode(), *(json.dumps(each).encode() for each in files)]


def audits() -> list[bytes]:
    """Return the facts of an audit."""
    return [json.dumps({"root": ".", "format": "folder", "class_names": ["a", "b"], "doubt": None}).encode()]


def read_audit_facts(path: Path) -> object:
    """Read an audit with these facts."""
    (path.parent / "suspects.jsonl").write_bytes(b"")
    return read_audit(path.parent)


def read_space(path: Path) -> object:
    """Read the candidates of `tune`."""
    return parse_space(TuneRequest(data=Path("."), space=path, out=Path("tuned")).space or {})


def spaces() -> list[bytes]:
    """Return the candidates of `tune`."""
    return [
        b"train.lr: {low: 0.01, high: 0.1, log: true}\nloss.name: [cross_entropy, focal]\n"
        b"train.epochs: {low: 2, high: 9}\n"
    ]


def tar_shards() -> list[bytes]:
    """Return WebDataset shards: labels as text, as JSON, and with names that need further headers."""
    photo = photos()[0]
    labels = ({"cls": b"cola"}, {"json": b'{"label": 1, "x": "\\u540d"}'}, {"txt": "名".encode()})
    found = []
    for form, label in zip((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT), labels, strict=True):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
            for key in ("0", "名" * 40 if form != tarfile.USTAR_FORMAT else "a/1"):
                for suffix, content in {"jpg": photo, **label}.items():
                    member = tarfile.TarInfo(f"{key}.{suffix}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
        found.append(stream.getvalue())
    return found


def read_shards(read: Callable[[Path], Catalog]) -> Callable[[Path], object]:
    """Return a function that reads the data set of one shard, and its first photo."""

    def read_one(path: Path) -> object:
        catalog = read(path.parent)
        return catalog, read_file(catalog.samples[0].path)

    return read_one


def row_shards(kind: str) -> Callable[[], list[bytes]]:
    """Return a function that returns shards of rows as Hugging Face writes them: `kind` is parquet or arrow."""

    def made() -> list[bytes]:
        import pyarrow
        import pyarrow.parquet

        rows = {"image": [{"bytes": photos()[0], "path": "1.jpg"}] * 2, "label": [0, 1]}
        features = {"image": {"_type": "Image"}, "label": {"names": ["a", "名"], "_type": "ClassLabel"}}
        described = json.dumps({"info": {"features": features}})
        table = pyarrow.table(rows).replace_schema_metadata({"huggingface": described})
        stream = io.BytesIO()
        if kind == "parquet":
            pyarrow.parquet.write_table(table, stream)
        else:
            with pyarrow.ipc.new_stream(stream, table.schema) as writer:
                writer.write_table(table)
        return [stream.getvalue()]

    return made


def cards() -> list[bytes]:
    """Return a dataset card of Hugging Face."""
    return [
        b"---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n        names:\n"
        b"          '0': a\n          '1': b\n---\n# Photos\n"
    ]


def key_files() -> list[bytes]:
    """Return a file of keys."""
    key = {"id": "1", "name": "till", "role": "read", "created": "", "salt": "1", "digest": "2"}
    return [json.dumps({"format": 1, "keys": [key]}).encode()]


def checksum_lists() -> list[bytes]:
    """Return lists of checksums as `sha256sum` and the BSD tools write them."""
    one, two = b"1" * 64, b"2a" * 32
    return [
        b"%s  train-0.tar\n%s *a/val-0.tar\n" % (one, two),
        b"# by hand\r\n\r\n\\%s  a\\nb\\\\c.tar\r\n%s  ./b.tar\r\n" % (one, two.upper()),
        b"SHA256 (a (1).tar) = %s\nSHA256(b.tar)= %s\n" % (one, two),
    ]


PARSERS: dict[str, Parser] = {
    "image": Parser(open_image, photos, 300),
    "image, reduced": Parser(lambda content: open_image(content, draft_size=(8, 8)), lambda: photos()[:5], 50),
    "recipe": Parser(
        in_file("recipe.yaml", lambda path: (load_recipe(str(path)), note_built_in_defaults(str(path)))),
        recipes,
        25,
        YAML,
    ),
    "ablation table": Parser(
        in_file("table.yaml", lambda path: read_ablations(str(path))),
        lambda: [table_text(name).encode() for name in table_names()],
        5,
        YAML,
    ),
    "search space": Parser(in_file("space.yaml", read_space), spaces, 5, YAML),
    "list of images": Parser(in_file("list.csv", csv_catalog), lists, 150, CSV),
    "split": Parser(
        in_file("split.csv", read_split),
        lambda: [b"path,label,split,sha256\r\na/1.jpg,a,train," + b"0" * 64 + b"\r\nb.jpg,b,val,\r\n"],
        40,
        CSV,
    ),
    "broader classes": Parser(
        in_file("broader.csv", read_broader), lambda: [b"class,broader\na,x\nb,x\nc,y\n"], 40, CSV
    ),
    "decisions": Parser(
        in_file("review.jsonl", lambda path: resolve(read_decisions(path), latest=True)), decisions, 100, JSON
    ),
    "suspects": Parser(in_file("suspects.jsonl", read_suspects), suspects, 40, JSON),
    "audit": Parser(in_file("audit/audit.json", read_audit_facts), audits, 10, JSON),
    "predictions": Parser(in_file("predictions.npz", Predictions.load), predictions, 60),
    "exported file": Parser(in_file("exported", read_whole_export), exported, 30),
    "exported file, resealed": Parser(read_resealed, exported, 20),
    "exported facts": Parser(read_facts, texts_of_facts, 20, JSON),
    "gallery change": Parser(
        lambda content: read_change("changes/1.json", content), lambda: [sealed(each) for each in changes()], 10
    ),
    "gallery change, resealed": Parser(read_sealed, bases, 20, JSON),
    "gallery vectors": Parser(lambda content: read_vectors(OneFile(content), checksum(content)), vectors, 20),  # type: ignore[arg-type]
    "run files": Parser(read_run_files, run_files, 20, JSON),
    "keys": Parser(in_file("keys.json", Keys), key_files, 10, JSON),
    "list of checksums": Parser(
        in_file(f"listed/{CHECKSUMS}", lambda path: checksums_in(path.parent)), checksum_lists, 10, CSV
    ),
    "tar shard": Parser(in_file("tar/train-0.tar", read_shards(webdataset_catalog)), tar_shards, 30),
    "dataset card": Parser(in_file("card/README.md", lambda path: listed_classes(path.parent)), cards, 10, YAML),
}
if find_spec("pyarrow") is not None:
    for _kind in ("parquet", "arrow"):
        _read = in_file(f"{_kind}/train-0.{_kind}", read_shards(parquet_catalog))
        PARSERS[f"{_kind} shard"] = Parser(_read, row_shards(_kind), 20)

"""Writes predictions as CSV, JSON lines or NumPy arrays, one row an input, whole or not at all."""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from shelfmind.errors import UserError
from shelfmind.files import write_whole
from shelfmind.records import UNLABELLED
from shelfmind.runtime.predict import Prediction

FORMATS = (".csv", ".jsonl", ".npz")


def check_output(path: Path) -> None:
    """Refuse an output that cannot be written before any work is done."""
    if path.suffix not in FORMATS:
        raise UserError(f"{path}: predictions are written as {', '.join(FORMATS)}, not '{path.suffix}'")
    if path.is_dir():
        raise UserError(f"{path} cannot be written: it is a folder")
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: the folder {path.parent} does not exist")


def write_predictions(path: Path, predictions: Iterable[Prediction], top: int) -> None:
    """Write a stream of predictions as ``.csv`` or ``.jsonl`` in constant memory; a bad input's row says why."""
    write_row = _write_csv if path.suffix == ".csv" else _write_json_lines

    def write(temporary: Path) -> None:
        encoding = "utf-8-sig" if path.suffix == ".csv" else "utf-8"
        with open(temporary, "w", encoding=encoding, errors="surrogateescape", newline="") as stream:
            write_row(stream, predictions, top)

    write_whole(path, write)


def as_record(prediction: Prediction, top: int) -> dict[str, Any]:
    """A prediction with its best `top` guesses for JSON."""
    record: dict[str, Any] = {"path": prediction.source}
    if prediction.error is not None:
        return {**record, "error": prediction.error}
    best = prediction.guesses[:top]
    guesses = [{"class": guess.class_name, "probability": round(guess.probability, 6)} for guess in best]
    return {**record, "predictions": guesses}


def _write_json_lines(stream: IO[str], predictions: Iterable[Prediction], top: int) -> None:
    for prediction in predictions:
        stream.write(json.dumps(as_record(prediction, top), ensure_ascii=False) + "\n")


def _write_csv(stream: IO[str], predictions: Iterable[Prediction], top: int) -> None:
    writer = csv.writer(stream)
    header = [name for rank in range(1, top + 1) for name in (f"class_{rank}", f"probability_{rank}")]
    writer.writerow(["path", *header, "error"])
    for prediction in predictions:
        cells: list[str] = []
        for guess in prediction.guesses[:top]:
            cells += [guess.class_name, f"{guess.probability:.6f}"]
        cells += [""] * (2 * top - len(cells))
        writer.writerow([prediction.source, *cells, prediction.error or ""])


class ArrayWriter:
    """Collects rows of predictions in temporary files, so that any number of them fits."""

    def __init__(self, folder: Path, classes: int) -> None:
        self.names = open(folder / "names", "w+", encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
        self.arrays = {key: open(folder / key, "w+b") for key in ("probabilities", "embeddings")}  # noqa: SIM115
        self.widths = {"probabilities": classes, "embeddings": 0}
        self.count = 0
        self.longest = 1

    def add(
        self, names: Sequence[str], probabilities: npt.NDArray[np.float32], embeddings: npt.NDArray[np.float32]
    ) -> None:
        """Append rows: N names, probabilities (N, C), embeddings (N, D)."""
        for name in names:
            self.names.write(json.dumps(name) + "\n")
        self.longest = max(self.longest, *(len(name) for name in names))
        for key, rows in (("probabilities", probabilities), ("embeddings", embeddings)):
            self.arrays[key].write(np.ascontiguousarray(rows, np.float32).tobytes())
            self.widths[key] = rows.shape[1]
        self.count += len(names)

    def close(self) -> None:
        """Close the temporary files."""
        for stream in (self.names, *self.arrays.values()):
            stream.close()


def write_arrays(path: Path, class_names: Sequence[str], fill: Callable[[ArrayWriter], None]) -> None:
    """Let `fill` add rows and write them as an ``.npz`` that `Predictions.load` reads, in constant memory."""

    def write(temporary: Path) -> None:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".shelfmind-") as folder:
            arrays = ArrayWriter(Path(folder), len(class_names))
            try:
                fill(arrays)
                _pack(temporary, arrays, class_names)
            finally:
                arrays.close()

    write_whole(path, write)


def _pack(path: Path, arrays: ArrayWriter, class_names: Sequence[str]) -> None:
    text = np.dtype(f"<U{arrays.longest}")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        arrays.names.seek(0)
        with _member(archive, "paths", text, (arrays.count,)) as member:
            for line in arrays.names:
                member.write(np.array([json.loads(line)], text).tobytes())
        for key, stream in arrays.arrays.items():
            stream.seek(0)
            with _member(archive, key, np.dtype("<f4"), (arrays.count, arrays.widths[key])) as member:
                shutil.copyfileobj(stream, member, 2**20)
        with _member(archive, "labels", np.dtype("<i8"), (arrays.count,)) as member:
            unlabelled = np.full(2**16, UNLABELLED, "<i8").tobytes()
            for start in range(0, arrays.count, 2**16):
                member.write(unlabelled[: 8 * min(2**16, arrays.count - start)])
        names = np.array(class_names, np.str_)
        with _member(archive, "class_names", names.dtype, names.shape) as member:
            member.write(names.tobytes())


def _member(archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> IO[bytes]:
    member = archive.open(f"{name}.npy", "w", force_zip64=True)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(member, header)
    return member

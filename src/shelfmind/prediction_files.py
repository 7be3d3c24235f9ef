"""The ``.npz`` file of predictions, written block by block to save memory."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from shelfmind.batching import batched
from shelfmind.leftovers import temporary
from shelfmind.top_probabilities import KEPT, TopProbabilities

_BLOCK_BYTES = 2**20
_BLOCK_ROWS = 2**14


@dataclass(frozen=True)
class Column:
    """One array: its type, its shape, and its bytes in C order, block by block."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    blocks: Iterable[bytes]


def array_column(array: npt.NDArray[Any]) -> Column:
    """The column of an array in memory, or memory-mapped."""
    array = np.asarray(array)
    if array.ndim == 0:
        return Column(array.dtype, (), [array.tobytes()])
    rows = max(1, _BLOCK_BYTES // max(1, array[:1].nbytes))
    blocks = (np.ascontiguousarray(array[start : start + rows]).tobytes() for start in range(0, len(array), rows))
    return Column(array.dtype, array.shape, blocks)


def text_column(texts: Iterable[str], count: int, longest: int) -> Column:
    """The column of `count` texts, none longer than `longest`."""
    dtype = np.dtype(f"<U{max(1, longest)}")
    return Column(dtype, (count,), (np.array(block, dtype).tobytes() for block in batched(texts, _BLOCK_ROWS)))


def texts_column(texts: Sequence[str]) -> Column:
    """The column of texts in memory."""
    return text_column(texts, len(texts), max(map(len, texts), default=1))


def write_predictions(
    path: Path,
    *,
    paths: Column,
    labels: Column,
    probabilities: Mapping[str, Column],
    embeddings: Column,
    class_names: Sequence[str],
    seconds: float,
) -> None:
    """Write the file for `records.Predictions.load`; see there for the meaning of each part.

    `probabilities` are ``probabilities`` (N, C), or ``top_classes`` and ``top_probabilities`` (N, K).
    """
    columns = {
        "paths": paths,
        "labels": labels,
        **probabilities,
        "embeddings": embeddings,
        "class_names": texts_column(class_names),
        "seconds": array_column(np.array(seconds, np.float64)),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, column in columns.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": column.dtype.str, "fortran_order": False, "shape": column.shape}
                np.lib.format.write_array_header_2_0(member, header)
                for block in column.blocks:
                    member.write(block)


def is_intact(path: Path) -> bool:
    """Whether each array of an ``.npz`` matches its CRC-32."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # of damaged archives, `zipfile` raises anything
        return False


class PredictionWriter:
    """Collects any number of rows of predictions in temporary files until `write`.

    With `only_top`, only the most probable classes are written, see `TopProbabilities`.
    """

    def __init__(self, folder: Path, classes: int, only_top: bool, closing: ExitStack) -> None:
        self.count, self.longest = 0, 1
        self._classes, self._only_top = classes, only_top
        self._names = closing.enter_context(open(folder / "names", "w+", encoding="utf-8"))  # noqa: SIM115
        kept = min(KEPT, classes)
        top = (("top_classes", "<i4", (kept,)), ("top_probabilities", "<f4", (kept,)))
        self._kept = {
            name: _ColumnBuffer(closing.enter_context(open(folder / name, "w+b")), np.dtype(kind), width)  # noqa: SIM115
            for name, kind, width in (
                ("labels", "<i8", ()),
                *(top if only_top else (("probabilities", "<f4", (classes,)),)),
                ("embeddings", "<f4", (0,)),
            )
        }

    def add(
        self,
        names: Sequence[str],
        labels: npt.NDArray[np.int64],
        probabilities: npt.NDArray[np.float32],
        embeddings: npt.NDArray[np.float32],
    ) -> None:
        """Append N rows: N names, labels (N,), probabilities (N, C), embeddings (N, D)."""
        self._names.writelines(json.dumps(name) + "\n" for name in names)
        self.longest = max(self.longest, *map(len, names))
        columns: dict[str, npt.NDArray[Any]] = {
            "labels": labels,
            "probabilities": probabilities,
            "embeddings": embeddings,
        }
        if self._only_top:
            top = TopProbabilities.of([columns.pop("probabilities")], self._classes)
            columns |= {"top_classes": top.ids, "top_probabilities": top.values}
        for name, rows in columns.items():
            self._kept[name].add(rows)
        self.count += len(names)

    def write(self, path: Path, class_names: Sequence[str], seconds: float = 0.0) -> None:
        """Write all added rows."""
        self._names.seek(0)
        columns = {name: buffer.column(self.count) for name, buffer in self._kept.items()}
        write_predictions(
            path,
            paths=text_column(map(json.loads, self._names), self.count, self.longest),
            labels=columns.pop("labels"),
            embeddings=columns.pop("embeddings"),
            probabilities=columns,
            class_names=class_names,
            seconds=seconds,
        )


@dataclass
class _ColumnBuffer:
    """Rows of one array in a temporary file; `width` is the shape of one row."""

    stream: IO[bytes]
    dtype: np.dtype[Any]
    width: tuple[int, ...]

    def add(self, rows: npt.NDArray[Any]) -> None:
        self.stream.write(np.ascontiguousarray(rows, self.dtype).tobytes())
        self.width = rows.shape[1:]

    def column(self, count: int) -> Column:
        self.stream.seek(0)
        return Column(self.dtype, (count, *self.width), iter(lambda: self.stream.read(_BLOCK_BYTES), b""))


@contextmanager
def prediction_writer(target: Path, classes: int, only_top: bool = False) -> Iterator[PredictionWriter]:
    """A writer whose temporary files lie next to the file `target` and are removed afterwards."""
    prefix = f"{temporary(target).name}-"
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=prefix) as folder, ExitStack() as closing:
        yield PredictionWriter(Path(folder), classes, only_top, closing)

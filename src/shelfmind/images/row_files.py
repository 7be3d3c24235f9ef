"""Photos in the rows of Parquet and Arrow files, in the layout of Hugging Face `datasets`; needs PyArrow."""

from __future__ import annotations

import posixpath
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.errors import UserError
from shelfmind.images.members import UNKNOWN_SIZE, Members, duplicates_in
from shelfmind.machine.packages import require
from shelfmind.nouns import counted, shortened
from shelfmind.structured_text import parse_json

IMAGE_COLUMNS = ("image", "img", "photo", "picture", "jpg", "png", "webp")
_HELD_BYTES = 256 * 2**20
"""Row groups that stay in memory: photos in random order would otherwise read a row group each."""
_TRIED_ROWS = 20
_ARROW_FILE = b"ARROW1"
"""The start of an Arrow file, as opposed to an Arrow stream, which `datasets` writes with the same suffix."""
_SIGNATURES = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}


@dataclass(frozen=True)
class RowFile:
    """An open Parquet or Arrow file with a column of photos. Reads from several threads take turns."""

    path: Path
    shown: str
    file: Any
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, path: Path, shown: str) -> RowFile:
        """Open the file at `path`, which messages name as `shown`. Raises `UserError` if it is damaged."""
        require("pyarrow")
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet

        try:
            if shown.lower().endswith(".arrow"):
                mapped = pyarrow.memory_map(str(path))
                is_file = mapped.read(len(_ARROW_FILE)) == _ARROW_FILE
                mapped.seek(0)
                reader = (pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream)(mapped)
                table = reader.read_all()
                table.validate(full=True)  # reading the values of a damaged table ends the process
                found = cls(path, shown, table)
            else:
                found = cls(path, shown, pyarrow.parquet.ParquetFile(path))
            _decode_names(found.schema)
            return found
        except (FileNotFoundError, PermissionError):
            raise
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise _damaged(shown, "it cannot be opened", error) from error

    @cached_property
    def schema(self) -> Any:
        """The columns with their types and metadata."""
        return self.file.schema if self._mapped else self.file.schema_arrow

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.file.num_rows if self._mapped else self.file.metadata.num_rows)

    @cached_property
    def features(self) -> dict[str, Any]:
        """The columns as Hugging Face describes them in the schema, by name; empty if it does not."""
        try:
            described = parse_json((self.schema.metadata or {})[b"huggingface"])
            features = described["info"]["features"]
        except (KeyError, TypeError, ValueError):
            return {}
        return features if isinstance(features, dict) else {}

    @cached_property
    def image_column(self) -> str:
        """The name of the column of photos. Raises `UserError` if there is none, or several are possible."""
        import pyarrow

        def holds_bytes(kind: Any) -> bool:
            return bool(pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind))

        def is_photo(kind: Any) -> bool:
            is_struct = pyarrow.types.is_struct(kind)
            return holds_bytes(kind) or (
                is_struct and any(part.name == "bytes" and holds_bytes(part.type) for part in kind)
            )

        fields = [field.name for field in self.schema if is_photo(field.type)]
        marked = [name for name in fields if (self.features.get(name) or {}).get("_type") == "Image"]
        named = [name for name in IMAGE_COLUMNS if name in fields]
        for names in (marked, named[:1], fields):
            if len(names) == 1:
                return names[0]
        what = f"several columns of bytes ({shortened(fields)})" if fields else "no column of photos"
        raise UserError(
            f"{self.shown} has {what}; name the column of encoded photos 'image', as Hugging Face datasets does "
            f"(columns: {shortened(self.schema.names, 10)})"
        )

    def column(self, name: str, part: str | None = None) -> list[Any]:
        """The values of a column, or of a `part` of each, such as ``path``. Raises `UserError` if it is damaged."""
        import pyarrow
        import pyarrow.compute

        try:
            with self.lock:
                table = self.file if self._mapped else self.file.read(columns=[f"{name}.{part}" if part else name])
                values = table.column(name)
                found = list((pyarrow.compute.struct_field(values, part) if part else values).to_pylist())
            if len(found) != self.rows:
                raise ValueError(f"it has {counted(len(found), 'value')} for {counted(self.rows, 'row')}")
            return found
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise _damaged(self.shown, f"its column '{name}' cannot be read", error) from error

    def photo(self, row: int) -> bytes:
        """The encoded photo of a row; empty if the row has none. Raises `UserError` if the file is damaged."""
        import pyarrow

        try:
            with self.lock:
                value = self._value(row)
        except (pyarrow.ArrowException, OSError, ValueError, IndexError) as error:
            raise _damaged(self.shown, f"row {row:,} cannot be read", error) from error
        content = value.get("bytes") if isinstance(value, dict) else value
        return content if isinstance(content, bytes) else b""

    def members(self) -> Members:
        """The photos by name: the file names stored with them, or row numbers unless these are unique."""
        stored = self._stored_names()
        names = [posixpath.basename(name.replace("\\", "/")) if isinstance(name, str) else "" for name in stored]
        if not all(map(_is_file_name, names)) or next(duplicates_in(names), None) is not None:
            suffix = self._suffix()
            digits = max(6, len(str(self.rows)))
            names = [f"{row:0{digits}}{suffix}" for row in range(self.rows)]
        return Members(names, np.arange(self.rows), np.full(self.rows, UNKNOWN_SIZE, np.int64))

    @property
    def _mapped(self) -> bool:
        return hasattr(self.file, "itercolumns")  # a table, as opposed to a Parquet file

    def _stored_names(self) -> list[str | None]:
        import pyarrow

        kind = self.schema.field(self.image_column).type
        has_paths = pyarrow.types.is_struct(kind) and any(part.name == "path" for part in kind)
        names: list[str | None] = self.column(self.image_column, "path") if has_paths else [None] * self.rows
        if any(names) and not any(self.photo(row) for row in range(min(self.rows, _TRIED_ROWS))):
            raise UserError(
                f"{self.shown} has the paths of photos, but not the photos; write it again with their bytes "
                "(datasets: save_to_disk of a data set that embeds its photos, or push_to_hub)"
            )
        return names

    def _suffix(self) -> str:
        content = self.photo(0) if self.rows else b""
        return next((suffix for start, suffix in _SIGNATURES.items() if content.startswith(start)), ".jpg")

    def _value(self, row: int) -> Any:
        if self._mapped:
            return self.file.column(self.image_column)[row].as_py()
        group = int(np.searchsorted(self._group_ends, row, side="right"))
        start = int(self._group_ends[group - 1]) if group else 0
        return _held.column(self, group)[row - start].as_py()

    @cached_property
    def _group_ends(self) -> Any:
        facts = self.file.metadata
        return np.cumsum([facts.row_group(group).num_rows for group in range(facts.num_row_groups)])


class _RowGroups:
    """The most recently used row groups of all files, up to `_HELD_BYTES`. Thread-safe."""

    def __init__(self) -> None:
        self._columns: OrderedDict[tuple[int, int], Any] = OrderedDict()
        self._lock = threading.Lock()

    def column(self, file: RowFile, group: int) -> Any:
        """The photos of a row group."""
        key = (id(file.file), group)
        with self._lock:
            if key in self._columns:
                self._columns.move_to_end(key)
                return self._columns[key][1]
        column = file.file.read_row_group(group, columns=[file.image_column]).column(0)
        with self._lock:
            self._columns[key] = (file.file, column)  # holds the file, so that its id is not reused
            while len(self._columns) > 1 and sum(held.nbytes for _, held in self._columns.values()) > _HELD_BYTES:
                self._columns.popitem(last=False)
        return column


_held = _RowGroups()


def _decode_names(fields: Any) -> None:
    """Raise `UnicodeDecodeError` if the name of a column, or of a part of one, is not UTF-8."""
    import pyarrow

    for column in fields:
        str(column.name)
        if pyarrow.types.is_struct(column.type):
            _decode_names(column.type)


def _is_file_name(name: str) -> bool:
    return posixpath.splitext(name)[1] != "" and "\0" not in name


def _damaged(shown: str, what: str, error: Exception) -> UserError:
    reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
    return UserError(f"{shown} is truncated or damaged: {what} ({reason}); download or copy it again")

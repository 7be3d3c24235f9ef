"""Packs photos into shards: WebDataset tar, and Parquet and Arrow as Hugging Face writes them."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def pack_tar(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    """A tar of these members, by name, in this order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def pack_labelled_tar(path: Path, photos: Iterable[tuple[str, bytes, str]]) -> Path:
    """A WebDataset shard of photos: file name, content, class name."""
    members: list[tuple[str, bytes]] = []
    for name, content, label in photos:
        members += [(name, content), (f"{name.partition('.')[0]}.cls", label.encode())]
    return pack_tar(path, members)


def rows_table(photos: Sequence[tuple[str | None, bytes | None, Any]], names: Sequence[str] | None = None) -> Any:
    """A table of photos: file name, content, label; `names` are the class names that the schema describes."""
    import pyarrow

    table = pyarrow.table(
        {
            "image": pyarrow.array([{"bytes": content, "path": name} for name, content, _ in photos]),
            "label": pyarrow.array([label for *_, label in photos]),
        }
    )
    if names is None:
        return table
    features: Mapping[str, Any] = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def write_parquet(path: Path, table: Any, rows_per_group: int = 4) -> Path:
    """The table as a Parquet file."""
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(table, path, row_group_size=rows_per_group)
    return path


def write_arrow(path: Path, table: Any, rows_per_batch: int = 3) -> Path:
    """The table as a stream of Arrow batches, as `save_to_disk` writes them."""
    import pyarrow

    path.parent.mkdir(parents=True, exist_ok=True)
    with pyarrow.OSFile(str(path), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows_per_batch)
    return path

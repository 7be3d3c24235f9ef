"""Lists a tar of many members, and reads photos from plain files, a tar and a Parquet file, in order and shuffled.

python benchmarks/shards.py --members 100000 --photos 2000 --rounds 5
"""

from __future__ import annotations

import argparse
import io
import os
import random
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def main() -> None:
    """Print a table of seconds and photos per second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--group", type=int, default=100, help="rows per Parquet row group")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SHELFMIND_CACHE"] = f"{scratch}/cache"
        root = Path(scratch)
        list_members(root, arguments.members)
        read_photos(root, arguments.photos, arguments.group, arguments.rounds)


def list_members(root: Path, count: int) -> None:
    """Time the first and the second listing of a tar of `count` members."""
    from shelfmind.images.archives import members_of

    pack(root / "many.tar", ((f"{number:07}.jpg", b"x" * 1000) for number in range(count)))
    for what in ("first", "cached"):
        began = time.perf_counter()
        members = members_of(root / "many.tar")
        print(f"{what} listing of {len(members.names):,} members: {time.perf_counter() - began:.2f} s")


def read_photos(root: Path, count: int, group: int, rounds: int) -> None:
    """Time reading the bytes of every photo in one thread, warm, in interleaved rounds."""
    from shelfmind.images.photo_files import file_status, read_file

    generator = np.random.default_rng(0)
    photos = [(f"{number:05}.jpg", jpeg(generator)) for number in range(count)]
    (root / "files").mkdir()
    for name, content in photos:
        (root / "files" / name).write_bytes(content)
    pack(root / "photos.tar", photos)
    places = {"files": root / "files", "tar": root / "photos.tar"}
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        print("PyArrow is not installed: no Parquet file")
    else:
        images = arrow.array([{"bytes": content, "path": name} for name, content in photos])
        parquet.write_table(arrow.table({"image": images}), root / "photos.parquet", row_group_size=group)
        places["parquet"] = root / "photos.parquet"
    names = [name for name, _ in photos]
    shuffled = random.Random(0).sample(names, len(names))
    print(f"{count:,} photos of {statistics.mean(len(content) for _, content in photos) / 1000:.0f} kB on average")
    for what, work in (("reading", read_file), ("status", file_status)):
        for order, chosen in (("in order", names), ("shuffled", shuffled)):
            rates: dict[str, list[float]] = {place: [] for place in places}
            for _ in range(rounds):
                for place, folder in places.items():
                    rates[place].append(count / seconds(work, [folder / name for name in chosen]))
            for place, found in rates.items():
                spread = f"{min(found):,.0f} to {max(found):,.0f}"
                print(f"{what} {order}, {place}: {statistics.median(found):,.0f}/s ({spread})")


def seconds(work: Callable[[Path], object], paths: Sequence[Path]) -> float:
    """How long the work on all paths takes."""
    began = time.perf_counter()
    for path in paths:
        work(path)
    return time.perf_counter() - began


def pack(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write a tar of names and contents."""
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def jpeg(generator: np.random.Generator) -> bytes:
    """A random JPEG of about 50 kB."""
    small = Image.fromarray(generator.integers(0, 256, (60, 60, 3), np.uint8))
    buffer = io.BytesIO()
    small.resize((480, 480)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


if __name__ == "__main__":
    main()

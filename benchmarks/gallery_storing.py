"""Time of storing photos in a gallery's folder, by the number of threads.

    python benchmarks/gallery_storing.py FOLDER

Each photo is a file that is synced, as is its folder. Rounds alternate between the numbers of threads.
"""

from __future__ import annotations

import hashlib
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from command import exit_status, parser_of

from shelfmind.gallery.changes import photo_name
from shelfmind.gallery.storage import AT_ONCE, LocalFiles
from shelfmind.machine.ahead import map_ahead

PHOTOS, BYTES = 2000, 4000


def main() -> None:
    """Store photos, and print milliseconds per photo: the median of the rounds, and their range."""
    parser = parser_of(__doc__)
    parser.add_argument("folder", type=Path, help="a folder on the disk to measure")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 4, AT_ONCE, 64])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    contents = [generator.bytes(BYTES) for _ in range(PHOTOS)]
    seconds: dict[int, list[float]] = {threads: [] for threads in arguments.threads}
    for _ in range(arguments.rounds):
        for threads, found in seconds.items():
            root = Path(tempfile.mkdtemp(dir=arguments.folder))
            files = LocalFiles(root)

            def store(content: bytes, files: LocalFiles = files) -> bool:
                return files.create(photo_name(hashlib.sha256(content).hexdigest()), content)

            began = time.monotonic()
            for _ in map_ahead(store, contents, 2 * threads, threads):
                pass
            found.append(time.monotonic() - began)
            shutil.rmtree(root)
    for threads, found in seconds.items():
        each = [1e3 * value / PHOTOS for value in found]
        print(f"{threads:3} threads: {statistics.median(each):.2f} ms ({min(each):.2f} to {max(each):.2f})")


if __name__ == "__main__":
    sys.exit(exit_status(main))

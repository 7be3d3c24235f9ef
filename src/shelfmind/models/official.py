"""MindSpore's published ImageNet weights: names, URLs, checksums, and a verified download."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from shelfmind import leftovers
from shelfmind.errors import UserError, argument, setting, unknown_name
from shelfmind.files import cache_folder
from shelfmind.machine.checksums import file_sha256
from shelfmind.progress import Counter, count_silently

BASE = "https://download.mindspore.cn/toolkits/mindcv/"
TIMEOUT_S = 30.0
_BLOCK = 2**20


@dataclass(frozen=True)
class Published:
    """Official weights: their path below `BASE`, their size and, if MindCV publishes it, their ImageNet top-1 (%).

    The last eight digits of the file name are the first of its SHA-256. MindCV publishes no file sizes:
    `parameter_bytes` is the size of the network's parameters, and a file written by MindCV is 5 to 25 kB larger.
    """

    path: str
    parameter_bytes: int
    top1: float | None = None

    @property
    def url(self) -> str:
        """The full URL."""
        return BASE + self.path

    @property
    def file_name(self) -> str:
        """The name in the cache."""
        return self.path.rpartition("/")[2]

    @property
    def megabytes(self) -> int:
        """The approximate download size."""
        return round(self.parameter_bytes / 1e6)

    @property
    def digest(self) -> str:
        """The first eight hexadecimal digits of the SHA-256."""
        return self.path.removesuffix(".ckpt").rpartition("-")[2]


OFFICIAL: dict[str, Published] = {
    "resnet18": Published("resnet/resnet18-1e65cd21.ckpt", 46_796_448),
    "resnet34": Published("resnet/resnet34-f297d27e.ckpt", 87_258_784),
    "resnet50": Published("resnet/resnet50-e0733ab8.ckpt", 102_440_608, 76.69),
    "resnet101": Published("resnet/resnet101-689c5e77.ckpt", 178_618_016),
    "resnext50": Published("resnext/resnext50_32x4d-af8aba16.ckpt", 100_388_512, 78.53),
    "se_resnet50": Published("senet/seresnet50-ff9cd214.ckpt", 112_564_576, 78.32),
    "se_resnext50": Published("senet/seresnext50_32x4d-fdc35aca.ckpt", 110_512_480, 78.71),
}
"""By shelfmind's model name. Source: the tables of MindCV's model zoo."""


def weights_folder() -> Path:
    """The folder of downloaded weights."""
    folder = cache_folder() / "weights"
    folder.mkdir(exist_ok=True)
    return folder


def find_official(name: str, offline: bool = False, counter: Counter = count_silently) -> Path:
    """The file of the official weights called `name`, from the cache or downloaded and verified.

    Raises:
        UserError: no such weights, the download failed or was modified, or `offline` and not in the cache.
    """
    if name not in OFFICIAL:
        raise unknown_name("official weights", name, OFFICIAL)
    published = OFFICIAL[name]
    path = weights_folder() / published.file_name
    if path.exists() and file_sha256(path).startswith(published.digest):
        return path
    if offline:
        raise UserError(
            f"{published.file_name} is not in the cache; download {published.url} (about {published.megabytes} MB) "
            f"and save it as {path}"
        )
    download(published, path, counter)
    return path


def download(published: Published, path: Path, counter: Counter) -> None:
    """Download to a temporary file, verify it, and rename it to `path`.

    Without pooch, which compares whole SHA-256 sums: only their first eight digits are published.
    """
    temporary = leftovers.temporary(path)
    try:
        with (
            urllib.request.urlopen(published.url, timeout=TIMEOUT_S) as answer,  # nosec B310  # a URL of this module
            open(temporary, "wb") as file,
        ):
            length = answer.headers.get("Content-Length")
            if length and int(length) < published.parameter_bytes:
                raise UserError(
                    f"{published.url} is not the published file: {length} bytes, fewer than its network's "
                    f"{published.parameter_bytes} bytes of parameters"
                )
            progress = counter(f"downloading {published.file_name}", int(length) if length else None, "bytes")
            digest, size = hashlib.sha256(), 0
            while block := answer.read(_BLOCK):
                file.write(block)
                digest.update(block)
                size += len(block)
                progress(len(block))
        if length and size != int(length):
            raise UserError(f"the download of {published.url} stopped after {size} of {length} bytes; try again")
        if not digest.hexdigest().startswith(published.digest):
            raise UserError(f"{published.url} is not the published file: its SHA-256 is {digest.hexdigest()}")
        os.replace(temporary, path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        shipped = f"{argument('weights', 'generated')} with {setting('model.name', 'shelfnet_s')}"
        raise UserError(
            f"{published.url} cannot be downloaded ({reason}); download it manually to {path}, or start from the "
            f"weights shipped with shelfmind: {shipped}"
        ) from error
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        leftovers.remove(temporary)
        leftovers.remove_abandoned(leftovers.temporaries(path))

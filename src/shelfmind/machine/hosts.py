"""What the hosts of a cluster must have in common: versions of packages, and files at the same paths."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence

from shelfmind.errors import UserError
from shelfmind.nouns import shortened

EVERYWHERE = ("python", "shelfmind", "numpy", "pillow")
"""Packages that determine the outcome on any engine: all hosts need them in the same version."""
ENGINES = ("onnxruntime", "openvino", "mindspore")
"""Packages of which a host needs only that of the engine in use, in the same version."""


def host_name() -> str:
    """The name of this host, for messages."""
    return socket.gethostname()


def own_versions() -> dict[str, str | None]:
    """The versions of this process that matter on a cluster."""
    return found_versions()([*EVERYWHERE, *ENGINES])


def found_versions() -> Callable[[Sequence[str]], dict[str, str | None]]:
    """A function that finds the versions of packages, None for those that are not installed.

    It is local, so that Ray sends its code: it also runs where shelfmind is not installed or is another version.
    """

    def find(packages: Sequence[str]) -> dict[str, str | None]:
        import importlib
        import platform
        from importlib import metadata

        def find_one(package: str) -> str | None:
            if package == "python":
                return platform.python_version()
            try:
                if package == "shelfmind":
                    return str(importlib.import_module(package).__version__)
                return metadata.version(package)
            except ImportError:  # metadata.PackageNotFoundError is one
                return None

        return {package: find_one(package) for package in packages}

    return find


def require_same_versions(found: Mapping[str, Mapping[str, str | None]], own: Mapping[str, str | None]) -> None:
    """Raise `UserError` for the first host whose versions differ from these."""
    for host, versions in found.items():
        different = [
            f"{package} {version or 'not installed'} instead of {own[package]}"
            for package, version in versions.items()
            if version != own[package] and (package in EVERYWHERE or None not in (version, own[package]))
        ]
        if different:
            raise UserError(
                f"{host} has other versions than the machine that started the job: {shortened(different)}; install the "
                "same ones on all hosts of the cluster"
            )


def require_same_files(files: Iterable[tuple[str, int | None]]) -> None:
    """In a worker: raise `UserError` if it does not see these files (path, bytes) as the caller does.

    A size of None is that of a file that the caller cannot read, either.
    """
    for path, size in files:
        if size is None:
            continue
        try:
            here = os.stat(path).st_size
        except OSError as error:
            raise UserError(
                f"the worker on {host_name()} cannot read {os.path.abspath(path)} ({error.strerror or error}); all "
                "hosts of the cluster need a common file system with the files at the same paths"
            ) from error
        if here != size:
            raise UserError(
                f"{os.path.abspath(path)} has {here} bytes on {host_name()}, but {size} where the job was started; all "
                "hosts of the cluster need the same files at the same paths, and no file may change during the job"
            )


def size_of(path: str | os.PathLike[str]) -> int | None:
    """The size of a file in bytes for `require_same_files`, None if it cannot be read."""
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return None

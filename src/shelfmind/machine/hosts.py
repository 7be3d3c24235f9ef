"""What the hosts of a cluster must have in common: versions of packages."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence

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


def require_same_versions(host: str, found: Mapping[str, str | None], own: Mapping[str, str | None]) -> None:
    """Raise `UserError` if the versions that were found on a host differ from those here."""
    different = [
        f"{package} {version or 'not installed'} instead of {own[package]}"
        for package, version in found.items()
        if version != own[package] and (package in EVERYWHERE or None not in (version, own[package]))
    ]
    if different:
        raise UserError(
            f"{host} has other versions than the machine that started the job: {shortened(different)}; install the "
            "same ones on all hosts of the cluster"
        )

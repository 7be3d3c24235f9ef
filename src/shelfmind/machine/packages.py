"""Optional packages: the extra that installs each, and the error if one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from shelfmind.errors import UserError

HTTP = "FastAPI and uvicorn"
EXTRAS = {
    "mindspore": ("MindSpore", "train"),
    "scipy": ("SciPy", "analysis"),
    "sklearn": ("scikit-learn", "analysis"),
    "onnx": ("onnx", "export"),
    "fastapi": (HTTP, "serve"),
    "uvicorn": (HTTP, "serve"),
    "httptools": (HTTP, "serve"),
    "python_multipart": (HTTP, "serve"),
    "prometheus_client": (HTTP, "serve"),
    "pyarrow": ("PyArrow", "parquet"),
    "ray": ("Ray", "ray"),
    "boto3": ("boto3", "s3"),
    "fsspec": ("fsspec", "object-stores"),
}
"""Packages that are not needed for prediction alone: their names, and the extra that installs them."""


def installed(package: str) -> bool:
    """Whether a package is installed; it is not imported."""
    return find_spec(package) is not None


def how_to_install(package: str) -> str:
    """The command that installs a package of `EXTRAS`."""
    return f"pip install 'shelfmind[{EXTRAS[package][1]}]'"


def missing(package: str) -> UserError:
    """The error for a required package of `EXTRAS` that is not installed."""
    name = EXTRAS[package][0]
    verb = "are" if name == HTTP else "is"
    return UserError(f"this needs {name}, which {verb} not installed; run: {how_to_install(package)}")


def require(*packages: str) -> None:
    """Raise `UserError` for the first of these packages of `EXTRAS` that is not installed."""
    for package in packages:
        if not installed(package):
            raise missing(package)


@contextmanager
def explained_import_errors() -> Iterator[None]:
    """In this context, importing a package of `EXTRAS` that is not installed raises `UserError` with the install
    command."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS or installed(package):
            raise
        raise missing(package) from error

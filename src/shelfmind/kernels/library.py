"""The library of operators: finds oneDNN, headers and compiler; compiles once; loads."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.files import cache_folder, exclusively, write_atomically, write_text

RUNTIME, HEADERS = "onednn-cpu-gomp", "onednn-devel-cpu-gomp"
INSTALL = "pip install 'shelfmind[kernels]'"
FLAGS = ("-O3", "-march=native", "-std=c++17", "-fopenmp", "-fPIC", "-shared", "-Wall")
NEEDED = ("avx2", "fma")
NEEDED_FOR_BF16 = ("avx512f", "avx512bw", "avx512dq", "avx512vl")
"""With these, oneDNN computes in bfloat16, but only with an instruction of `BF16` faster than in float32."""
BF16 = ("avx512_bf16", "amx_bf16")
_started: dict[Path, Library] = {}


class UnavailableError(Exception):
    """Why oneDNN's kernels cannot run here, with a remedy if there is one."""

    def __init__(self, reason: str, fixable: bool = True) -> None:
        super().__init__(reason)
        self.fixable = fixable


@dataclass(frozen=True)
class Library:
    """The loaded library of compiled operators: its file, and oneDNN's version and instruction set."""

    path: Path
    version: str
    bf16: bool


def processor_flags() -> frozenset[str]:
    """The instruction sets of this CPU by their Linux names; empty if unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    found = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(found.partition(":")[2].split())


def has_bf16() -> bool:
    """Whether this CPU has bfloat16 matrix instructions; otherwise bfloat16 would be slower than float32."""
    return not processor_flags().isdisjoint(BF16)


def require_fast_processor() -> None:
    """Raise `UnavailableError` for a CPU on which these kernels have not been shown to be faster than MindSpore's."""
    _require(NEEDED, "oneDNN kernels need a CPU with AVX2")


def can_bf16() -> bool:
    """Whether these kernels can compute in bfloat16 on this CPU, fast or not."""
    return processor_flags().issuperset(NEEDED_FOR_BF16)


def require_bf16() -> None:
    """Raise `UnavailableError` for a CPU on which these kernels cannot compute in bfloat16."""
    _require(NEEDED_FOR_BF16, "oneDNN kernels in bfloat16 need a CPU with AVX-512")


def _require(flags: tuple[str, ...], what: str) -> None:
    missing = [flag for flag in flags if flag not in processor_flags()]
    if missing:
        raise UnavailableError(f"{what}; this one lacks {', '.join(missing)}", fixable=False)


def installed() -> bool:
    """Whether oneDNN and its headers are installed; nothing is loaded."""
    try:
        for package in (RUNTIME, HEADERS):
            metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


@functools.cache
def find_onednn() -> tuple[Path, Path]:
    """oneDNN's shared library and the folder of its headers. Raises `UnavailableError`."""
    return _file_of(RUNTIME, "libdnnl.so.3"), _file_of(HEADERS, "oneapi/dnnl/dnnl.hpp").parents[2]


def find_compiler() -> str:
    """The C++ compiler: ``CXX``, else g++. Raises `UnavailableError`."""
    wanted = os.environ.get("CXX") or "g++"
    found = shutil.which(wanted)
    if found is None:
        raise UnavailableError(
            f"oneDNN kernels must be compiled once, but {wanted} is not installed; run: apt-get install g++"
        )
    return found


def load_library(threads: int) -> Library:
    """The library for this number of threads, compiled if it is not in the cache.

    Raises:
        UnavailableError: oneDNN, its headers or a compiler are missing or fail.
    """
    path = compiled()
    if path not in _started:
        try:
            version = int(ctypes.CDLL(str(path)).shelfmind_start(threads))
        except OSError as error:
            raise UnavailableError(f"{path} cannot be loaded: {error}; delete it to compile it again") from error
        if version == 0:
            raise UnavailableError("oneDNN does not support this CPU")
        number = f"{version // 10000}.{version // 100 % 100}.{version % 100}"
        _started[path] = Library(path, number, has_bf16())
    return _started[path]


def compiled() -> Path:
    """The compiled library in the cache, keyed by source, compiler, flags, CPU and oneDNN.

    One process compiles while others wait; the file is written atomically.

    Raises:
        UnavailableError: oneDNN, its headers or a compiler are missing or fail.
    """
    library, headers = find_onednn()
    compiler = find_compiler()
    sources = _sources()
    compiler_version = subprocess.run([compiler, "-v"], capture_output=True, text=True, check=False).stderr
    digest = hashlib.sha256("\n".join((compiler_version, *FLAGS, str(library), platform.machine())).encode())
    digest.update(" ".join(sorted(processor_flags())).encode())
    digest.update(metadata.version(RUNTIME).encode())
    for source in sources:
        digest.update(source.read_bytes())
    try:
        folder = cache_folder() / "kernels"
        folder.mkdir(exist_ok=True)
        path = folder / f"operators-{digest.hexdigest()[:16]}.so"
        if _is_whole(path):
            return path
        with exclusively(folder / "compiling.lock"):
            if not _is_whole(path):
                write_atomically(path, lambda target: _compile(compiler, sources, library, headers, target))
                write_text(_checksum_of(path), hashlib.sha256(path.read_bytes()).hexdigest())
    except (OSError, UserError) as error:
        raise UnavailableError(
            f"the compiled oneDNN kernels cannot be stored in the cache (SHELFMIND_CACHE): {error}"
        ) from error
    return path


def _checksum_of(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _is_whole(path: Path) -> bool:
    """Whether the file is unchanged since it was compiled: loading a damaged one would crash the process."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == _checksum_of(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def _compile(compiler: str, sources: list[Path], library: Path, headers: Path, target: Path) -> None:
    found = [f"-I{headers}", f"-L{library.parent}", f"-l:{library.name}", f"-Wl,-rpath,{library.parent}"]
    units = [str(source) for source in sources if source.suffix == ".cpp"]
    command = [compiler, *FLAGS, *units, *found, "-o", str(target)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        lines = made.stderr.strip().splitlines() or [f"{compiler} exited with status {made.returncode}"]
        wrong = next((line for line in lines if "error" in line), lines[-1])
        raise UnavailableError(f"oneDNN kernels failed to compile: {wrong}")


def _sources() -> list[Path]:
    folder = Path(str(resources.files("shelfmind.kernels"))) / "source"
    return sorted(folder.iterdir())


def _file_of(package: str, ending: str) -> Path:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        raise UnavailableError(f"{package} is not installed; run: {INSTALL}") from None
    for file in files:
        if str(file).endswith(ending):
            path = Path(str(file.locate())).resolve()
            if path.exists():
                return Path(os.path.abspath(str(file.locate())))
    raise UnavailableError(f"{package} is installed without {ending}; uninstall it, then run: {INSTALL}")

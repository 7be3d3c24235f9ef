"""Atomic writes of files and folders: written next to their destination, synced and renamed."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from platformdirs import user_cache_path

from shelfmind import leftovers
from shelfmind.errors import UserError, argument

try:
    import fcntl
except ImportError:  # Windows: partial folders of a killed process must be deleted by hand
    fcntl = None  # type: ignore[assignment]

_MARK, _FORMER = ".being-written", ".former"
_HERE, _EXCHANGE = -100, 2
"""Arguments of Linux's `renameat2`: AT_FDCWD and RENAME_EXCHANGE."""
DEFAULT_CACHE_GB = 8.0


def write_atomically(path: Path, write: Callable[[Path], None], mode: int = 0o644) -> None:
    """Let `write` fill a temporary file, sync it and rename it to `path`; after a failure the old file is unchanged.

    `mode` are the permissions of the file, also while it is being written.

    Raises:
        UserError: the disk is full or the folder is not writable.
    """
    temporary = leftovers.temporary(path)
    try:
        if mode & 0o077 == 0:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        write(temporary)
        os.chmod(temporary, mode)
        with open(temporary, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {reason(error)}; the previous content is unchanged") from error
    finally:
        for leftover in leftovers.temporaries(path):
            if leftover.name.startswith(temporary.stem) or leftovers.is_abandoned(leftover):
                leftovers.remove(leftover)  # a writer may create additional files


@contextmanager
def atomic_folder(out: Path, *, ours: frozenset[str] = frozenset(), overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder next to `out`, renamed to `out` if the context succeeds, otherwise removed.

    `out` must be missing or empty, or with `overwrite` contain only files named in `ours`; otherwise this raises
    `UserError`, see `require_free_folder`. Partial folders of killed processes are removed. A folder that is replaced
    stays complete until then.
    """
    out = Path(os.path.abspath(out))
    require_free_folder(out, ours=ours, overwrite=overwrite)
    partial = leftovers.temporary(out, f"-{secrets.token_hex(4)}")
    try:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            for leftover in leftovers.temporaries(out):
                is_only_copy = leftover.name.endswith(_FORMER) and not out.exists()
                if not is_only_copy and not _is_in_use(leftover):
                    leftovers.remove(leftover)
            partial.mkdir()
            with _in_use(partial):
                yield partial
            require_free_folder(out, ours=ours, overwrite=overwrite)
            _move_into_place(partial, out)
        finally:
            leftovers.remove(partial)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {reason(error, out.parent)}; nothing was written") from error


def require_free_folder(
    out: Path, *, ours: frozenset[str] = frozenset(), overwrite: bool = False, replaced: bool = True
) -> None:
    """Raise `UserError` if `out` is a file, or a folder with content that must not be overwritten.

    `replaced`: a new folder will take the place of `out`, which then must not be the working directory.
    """
    if replaced:
        refuse_working_directory(out)
    try:
        if not os.path.lexists(out):
            return
        if not out.is_dir():
            raise UserError(f"{out} is a file; choose a folder that does not exist yet")
        held = {path.name for path in out.iterdir()}
    except OSError as error:
        raise UserError(f"{out} cannot be read: {error.strerror or error}") from error
    foreign = sorted(held - ours)
    if foreign and overwrite:
        raise UserError(
            f"{out} also contains {foreign[0]}, which would be lost; choose another folder or move the file"
        )
    if held and not overwrite:
        hint = f", or replace its content with {argument('overwrite', True)}" if ours and not foreign else ""
        raise UserError(f"{out} is not an empty folder; choose another{hint}")


def refuse_working_directory(out: Path) -> None:
    """Raise `UserError` if `out` is the working directory: the shell would stay in the folder that was replaced."""
    try:
        if not os.path.samefile(out, os.curdir):
            return
    except OSError:
        return
    raise UserError(
        f"{out} is the working directory, which cannot be replaced; choose a new folder in it, "
        f"such as {argument('out', os.path.join(out, 'out'))}, or run the command elsewhere"
    )


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, unless they exist.

    Raises:
        UserError: it cannot be created, or is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be created: {reason(error, folder)}") from error
    _require_accepts_files(folder, folder)


def require_writable(file: Path) -> None:
    """Raise `UserError` if the file cannot be written, before any work is done."""
    if file.is_dir():
        raise UserError(f"{file} cannot be written: it is a folder")
    if not file.parent.is_dir():
        reason = _file_in_path(file.parent) or f"the folder {file.parent} does not exist"
        raise UserError(f"{file} cannot be written: {reason}")
    _require_accepts_files(file.parent, file)


def write_text(path: Path, text: str, encoding: str = "utf-8", mode: int = 0o644) -> None:
    """Write text atomically; bytes of file names that are not UTF-8 are escaped, as in JSON."""
    write_bytes(path, text.encode(encoding, errors="backslashreplace"), mode)


def write_bytes(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write bytes atomically."""
    write_atomically(path, lambda temporary: _fill(temporary, content), mode)


def write_json(path: Path, content: Any, mode: int = 0o644) -> None:
    """Write JSON atomically."""
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n", mode=mode)


def status_of(path: Path) -> tuple[int, ...]:
    """The status that changes when a file is written or replaced; empty if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def keep_most_recent(folder: Path, pattern: str, kept: int) -> None:
    """Delete the files of a pattern, such as ``*.npz``, except for the `kept` most recently modified ones.

    Other processes may do the same at the same time. Files that cannot be deleted stay.
    """
    found = []
    for file in folder.glob(pattern):
        if file.name.startswith("."):  # temporary: another process is writing it
            continue
        with suppress(OSError):  # deleted by another process
            found.append((file.stat().st_mtime, file))
    for _, file in sorted(found, reverse=True)[kept:]:
        leftovers.remove(file)


def cache_folder() -> Path:
    """The folder of decoded photos, file checks and downloads: ``SHELFMIND_CACHE``, else in the user's cache folder.

    On Linux that is ``shelfmind`` in ``XDG_CACHE_HOME`` or ``~/.cache``.
    """
    given = os.environ.get("SHELFMIND_CACHE")
    folder = Path(given) if given else user_cache_path("shelfmind", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the cache folder {folder} cannot be created ({error.strerror}); set SHELFMIND_CACHE"
        ) from error
    return folder


def cache_limit_bytes() -> int:
    """The maximum size of the decoded squares, and of the copies of objects: ``SHELFMIND_CACHE_GB``, 8 by default."""
    given = os.environ.get("SHELFMIND_CACHE_GB", "")
    try:
        limit_gb = float(given or DEFAULT_CACHE_GB)
    except ValueError:
        limit_gb = -1.0
    if not 0 <= limit_gb < float("inf"):
        raise UserError(f"SHELFMIND_CACHE_GB must be a number of gigabytes such as 100, got '{given}'")
    return int(limit_gb * 2**30)


@contextmanager
def scratch_in_cache() -> Iterator[Path]:
    """A temporary folder in the cache; those of killed processes are removed.

    Raises:
        OSError: it cannot be created.
    """
    place = cache_folder() / "scratch"
    leftovers.remove_abandoned(leftovers.temporaries(place))
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f"{leftovers.temporary(place).name}-") as folder:
        yield Path(folder)


@contextmanager
def exclusively(lock: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file; waits for other processes. A killed process releases its lock.

    Raises:
        UserError: the file cannot be created.
    """
    try:
        stream = open(lock, "ab")  # noqa: SIM115 - closed below in any case
    except OSError as error:
        raise UserError(f"{lock} cannot be written: {reason(error)}") from error
    with stream:
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def alone(lock: Path, refusal: str) -> Iterator[None]:
    """Hold an exclusive lock on a file that exists only meanwhile. A killed process releases its lock.

    Nothing is locked in a folder that cannot be written, and on file systems without locks.

    Raises:
        UserError: `refusal`, if another process holds the lock.
    """
    stream = _locked(lock, refusal)
    try:
        yield
    finally:
        if stream is not None:
            leftovers.remove(lock)
            stream.close()


def _locked(lock: Path, refusal: str) -> IO[bytes] | None:
    """The locked file; None if it cannot be locked."""
    if fcntl is None:
        return None
    while True:
        try:
            stream = open(lock, "ab")  # noqa: SIM115 - network file systems lock only files that are open for writing
        except OSError:
            return None
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.close()
            raise UserError(refusal) from error
        except OSError:
            stream.close()
            return None
        with suppress(FileNotFoundError):  # deleted by the process that held the lock
            if os.path.samestat(os.fstat(stream.fileno()), os.stat(lock)):
                return stream
        stream.close()


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, if the system supports it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """A file in the folder that is locked while this process uses the folder."""
    mark = folder / _MARK
    with open(mark, "wb") as stream:
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
        mark.unlink()


def _is_in_use(folder: Path) -> bool:
    """Whether a process, also of another machine, works on a partial folder."""
    try:
        with open(folder / _MARK, "rb") as stream:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while its process works on it
            return fcntl is None
    except FileNotFoundError:
        return not leftovers.is_abandoned(folder)
    except OSError:
        return True


def _move_into_place(partial: Path, out: Path) -> None:
    """Rename the finished folder to its destination; an earlier one is deleted only afterwards."""
    if not out.exists():
        os.replace(partial, out)
    elif not _swapped(partial, out):
        former = partial.with_name(partial.name + _FORMER)
        os.replace(out, former)
        try:
            os.replace(partial, out)
        except OSError:
            os.replace(former, out)
            raise
        shutil.rmtree(former, ignore_errors=True)
    sync_folder(out.parent)


def _swapped(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False if the operating system or the file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or an old C library
        return False
    return bool(renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)


def reason(error: OSError, folder: Path | None = None) -> str:
    """Why a file cannot be written, for a message; `folder` is its folder."""
    above = _file_in_path(folder) if folder is not None else None
    if above is not None:
        return above
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "no space left; free some space and try again"
    return error.strerror or str(error)


def _require_accepts_files(folder: Path, named: Path) -> None:
    """Raise a `UserError` about `named` if no file can be created in `folder`."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{named} cannot be written: {reason(error)}") from error


def _fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _file_in_path(folder: Path) -> str | None:
    """A part of a message: which parent folder is a file; None if none is."""
    file = next((path for path in (folder, *folder.parents) if os.path.isfile(path)), None)
    return None if file is None else f"{file} is a file"

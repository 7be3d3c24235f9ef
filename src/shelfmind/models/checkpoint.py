"""MindSpore checkpoints with atomic writes, a checksum, and the model that they belong to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
import numpy.typing as npt
from mindspore import Parameter, Tensor

from shelfmind.errors import UserError
from shelfmind.files import write_atomically

Arrays = Mapping[str, npt.NDArray[Any]]
CHECKSUM, KIND, NOTE = "shelfmind_sha256", "shelfmind_kind", "shelfmind_note"


@dataclass(frozen=True)
class Checkpoint:
    """Named arrays, the model they belong to, and a note (the training's position, as JSON)."""

    arrays: dict[str, npt.NDArray[Any]]
    kind: str
    note: str = ""


def checksum(arrays: Arrays, kind: str, note: str) -> str:
    """SHA-256 over kind, note, and each array's name, type, shape and bytes, in name order."""
    digest = hashlib.sha256(f"{kind}|{note}|".encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")  # ascontiguousarray would turn scalars into shape (1,)
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.data)
    return digest.hexdigest()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a MindSpore ``.ckpt`` with its checksum, atomically.

    MindSpore's writer deletes the old file first and does not sync, so it only writes to a temporary file.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file is unchanged.
    """
    arrays = checkpoint.arrays
    tensors = [{"name": name, "data": Tensor(np.asarray(array, order="C"))} for name, array in arrays.items()]
    stated = checksum(arrays, checkpoint.kind, checkpoint.note)
    facts = {CHECKSUM: stated, KIND: checkpoint.kind, NOTE: checkpoint.note}

    def write(temporary: Path) -> None:
        logger = mindspore.log._get_logger()
        logger.disabled = True  # the error raised here on a full disk is clearer
        try:
            mindspore.save_checkpoint(tensors, str(temporary), append_dict=facts)
        except (RuntimeError, ValueError) as error:
            cause = error.__cause__ or error.__context__
            raise cause if isinstance(cause, OSError) else OSError(str(error)) from error
        finally:
            logger.disabled = False

    write_atomically(path, write)


def read_checkpoint(path: Path) -> tuple[Checkpoint, bool]:
    """Read any MindSpore checkpoint, verify its checksum if it has one, and return whether it has one.

    Raises:
        UserError: the file is missing, truncated, modified, or not a checkpoint (pickles are never loaded).
    """
    if not path.is_file():
        raise UserError(
            f"there is no checkpoint at {path}; if its run was stopped before the first one, resume it first"
        )
    try:
        content: dict[str, Any] = mindspore.load_checkpoint(str(path))
    except Exception as error:  # MindSpore's parser raises anything on damaged files
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{path} is damaged or not a MindSpore checkpoint: {reason}") from error
    stated, kind, note = (str(content.pop(key, "")) for key in (CHECKSUM, KIND, NOTE))
    arrays = {name: value.asnumpy() for name, value in content.items() if isinstance(value, Tensor)}
    if stated and checksum(arrays, kind, note) != stated:
        raise UserError(f"{path} is damaged: its content does not match its checksum")
    return Checkpoint(arrays, kind, note), bool(stated)


def load_checkpoint(path: Path, kind: str | None = None) -> Checkpoint:
    """Read and verify a file written by `save_checkpoint`, and check its kind if given.

    Raises:
        UserError: as `read_checkpoint`, or the file was not written by shelfmind or belongs to another model.
    """
    checkpoint, verified = read_checkpoint(path)
    if not verified:
        raise UserError(f"{path} has no checksum: it is truncated or was not written by shelfmind")
    if kind is not None and checkpoint.kind != kind:
        raise UserError(f"{path} contains weights of {checkpoint.kind}, not of {kind}")
    return checkpoint


def fill_parameters(parameters: Mapping[str, Parameter], arrays: Arrays, origin: Path) -> None:
    """Set every parameter from the array of its name; errors name a missing, extra or misshapen tensor."""
    require_same_tensors(parameters, arrays, origin)
    for name, parameter in parameters.items():
        parameter.set_data(Tensor(arrays[name]))


def require_same_tensors(wanted: Mapping[str, Parameter | npt.NDArray[Any]], arrays: Arrays, origin: Path) -> None:
    """Raise `UserError` if `arrays` have other names or shapes than `wanted`."""
    missing = sorted(set(wanted) - set(arrays))
    extra = sorted(set(arrays) - set(wanted))
    if missing or extra:
        first = f"lacks {missing[0]}" if missing else f"has {extra[0]}, which the model lacks"
        raise UserError(f"{origin} does not fit the model: it {first} ({len(missing)} missing, {len(extra)} extra)")
    for name, each in wanted.items():
        if tuple(each.shape) != arrays[name].shape:
            raise UserError(f"{origin}: {name} has shape {arrays[name].shape}, the model's is {tuple(each.shape)}")

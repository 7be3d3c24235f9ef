"""Reads what an audit or a label check left for the review: its data set, its classes and its suspects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.analysis.suspects import Suspect, read_suspects
from shelfmind.data import absolute
from shelfmind.errors import UserError, argument, call
from shelfmind.requests.shared import require_path

FACTS, SUSPECTS = "audit.json", "suspects.jsonl"


@dataclass(frozen=True)
class AuditFolder:
    """A data set (its `root` and `format`), all its class names, and its suspects, worst first.

    `notice` is what was wrong with the networks that judged it, None if nothing was.
    """

    folder: Path
    root: Path
    format: str
    class_names: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    notice: str | None = None


def read_audit(folder: Path, data: Path | None = None) -> AuditFolder:
    """The audit in `folder`; `data` says where its data set lies now, if that is not where it was audited.

    Raises `UserError` for a folder that is no audit, is damaged, or whose data set is gone.
    """
    require_path(folder)
    facts = _facts(folder / FACTS)
    if not (folder / SUSPECTS).is_file():
        again = call("audit", data=facts["root"], out=folder)
        raise UserError(f"{folder} has no {SUSPECTS}; make it again: {again}")
    root = absolute(facts["root"] if data is None else data)
    if not root.exists():
        where = argument("data", "PATH")
        raise UserError(f"the data set of {folder} is no longer at {root}; say where it lies with {where}")
    suspects = read_suspects(folder / SUSPECTS)
    notice = facts.get("doubt")
    told = notice if isinstance(notice, str) else None
    return AuditFolder(folder, root, facts["format"], tuple(facts["class_names"]), tuple(suspects), told)


def _facts(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise UserError(
            f"{path.parent} is not an audit: it has no {path.name}; make one with: "
            f"{call('audit', data='DATA', out=path.parent)}"
        )
    try:
        facts = json.loads(path.read_bytes())
        texts = [facts["root"], facts["format"], *facts["class_names"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error}; audit again") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    if not all(isinstance(text, str) for text in texts):
        raise UserError(f"{path} is damaged: root, format and class_names must be text; audit again")
    return dict(facts)

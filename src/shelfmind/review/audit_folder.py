"""Read the output of an audit or a label check for the review: data set, classes and suspects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.analysis.suspects import Suspect, read_suspects
from shelfmind.data import absolute, is_present, needed_format
from shelfmind.errors import UserError, argument, call
from shelfmind.requests.shared import require_path
from shelfmind.structured_text import parse_json

FACTS, SUSPECTS = "audit.json", "suspects.jsonl"


@dataclass(frozen=True)
class AuditFolder:
    """A data set (its path `root` and `format`), its class names, and its suspects, worst first.

    `notice` reports problems of the networks that evaluated the labels, None if there were none.
    """

    folder: Path
    root: Path
    format: str
    class_names: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    notice: str | None = None


def read_audit(folder: Path, data: Path | None = None) -> AuditFolder:
    """Read the audit in `folder`. `data` is the current location of its data set, if it was moved.

    Raises `UserError` if the folder is not an audit or is damaged, or if the data set is missing.
    """
    require_path(folder)
    facts = _facts(folder / FACTS)
    audited = absolute(facts.get("data", facts["root"]))  # without the path: an audit of an early version
    if not (folder / SUSPECTS).is_file():
        again = call("audit", data=audited, format=needed_format(audited, facts["format"]), out=folder)
        raise UserError(f"{folder} has no {SUSPECTS}; create it again: {again}")
    root = audited if data is None else absolute(data)
    if not is_present(root):
        where = argument("data", "PATH")
        raise UserError(f"the data set of {folder} is no longer at {root}; set its location with {where}")
    suspects = read_suspects(folder / SUSPECTS)
    notice = facts.get("doubt")
    notice = notice if isinstance(notice, str) else None
    return AuditFolder(folder, root, facts["format"], tuple(facts["class_names"]), tuple(suspects), notice)


def _facts(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise UserError(
            f"{path.parent} is not an audit: it has no {path.name}; create one with: "
            f"{call('audit', data='DATA', out=path.parent)}"
        )
    try:
        facts = parse_json(path.read_bytes())
        texts = [facts["root"], facts.get("data", ""), facts["format"], *facts["class_names"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: {error}; audit again") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    if not all(isinstance(text, str) for text in texts):
        raise UserError(f"{path} is damaged: root, format and class_names must be text; audit again")
    return dict(facts)

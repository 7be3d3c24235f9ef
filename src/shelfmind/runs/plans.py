"""Plans of long jobs, which can only be resumed with the same settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError, argument
from shelfmind.files import write_json
from shelfmind.runs.folder import read_json


def keep_plan(file: Path, plan: Mapping[str, Any]) -> None:
    """Write the plan, or compare it with the existing one.

    The plan of a job on existing images contains ``data`` and its ``digest``.

    Raises:
        UserError: the settings or the images have changed since.
    """
    root, now = file.parent, dict(json.loads(json.dumps(plan)))
    if not file.exists():
        write_json(file, now)
        return
    before = read_json(file)
    changed = sorted(key for key in now if not isinstance(before, dict) or before.get(key) != now[key])
    if changed == ["digest"]:
        raise UserError(
            f"the images of {now['data']} have changed since {root} was started; choose another {argument('out')}"
        )
    if changed:
        what = ", ".join("images" if key == "digest" else key.replace("_", " ") for key in changed)
        raise UserError(
            f"{root} was started with other settings ({what}); use the same ones, or choose another {argument('out')}"
        )

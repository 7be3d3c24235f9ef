"""Runs many commands in one process, so that MindSpore is imported once: JSON requests in, JSON answers out.

A request is ``{"argv": [...]}`` (a `shelfmind` command), or ``{"code": "..."}`` (Python that sets `answer`), both with
``"cwd"``. Both output streams are captured at the file descriptors, where C++ libraries write as well.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from typing import Any


def run_one(request: dict[str, Any]) -> tuple[int, Any]:
    """Exit status and, for code, its answer."""
    if "code" in request:
        names: dict[str, Any] = {"answer": None}
        try:
            exec(request["code"], names)
        except Exception:
            traceback.print_exc()
            return 1, None
        return 0, names["answer"]
    from shelfmind import cli

    sys.argv = ["shelfmind", *request["argv"]]
    try:
        cli.main()
    except SystemExit as end:
        return (end.code if isinstance(end.code, int) else int(end.code is not None)), None
    except BaseException:
        traceback.print_exc()
        return 1, None
    return 0, None


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        request = json.loads(line)
        os.chdir(request["cwd"])
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            status, answer = run_one(request)
            sys.stdout.flush()
            sys.stderr.flush()
            out.seek(0)
            err.seek(0)
            said = {"stdout": out.read().decode(), "stderr": err.read().decode()}
        answers.write(json.dumps({"status": status, "answer": answer, **said}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

"""MindSpore's `msrun`, which ends with the process that has started it."""

from __future__ import annotations

import os
import runpy

from shelfmind.machine.job import STARTED_BY, end_with_starter

if __name__ == "__main__":
    end_with_starter()
    os.environ[STARTED_BY] = str(os.getpid())
    runpy.run_module("mindspore.parallel.cluster.run", run_name="__main__", alter_sys=True)

"""Import it before anything that imports MindSpore: it starts MindSpore as the commands do."""

from __future__ import annotations

from shelfmind.machine.device import start_mindspore

start_mindspore()

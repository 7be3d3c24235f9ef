"""Import before anything that imports MindSpore: starts MindSpore as the commands do."""

from __future__ import annotations

from shelfmind.machine.device import start_mindspore

start_mindspore()

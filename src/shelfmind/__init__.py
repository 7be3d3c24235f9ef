"""Recognises retail products (SKUs) in photos of shelf items, on MindSpore."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["Watcher", "create_model", "evaluate", "list_models", "load", "open_catalog", "resume", "train"]

_PLACES = {
    "create_model": ("shelfmind.models", "create_model"),
    "evaluate": ("shelfmind.runtime.assess", "evaluate_run"),
    "list_models": ("shelfmind.models", "list_models"),
    "load": ("shelfmind.runtime.predict", "load"),
    "open_catalog": ("shelfmind.data", "open_catalog"),
    "resume": ("shelfmind.training.run", "resume"),
    "train": ("shelfmind.training.run", "train"),
    "Watcher": ("shelfmind.training.run", "Watcher"),
}
_NEEDS_MINDSPORE = {"Watcher", "create_model", "evaluate", "list_models", "load", "resume", "train"}


def __getattr__(name: str) -> Any:
    """Import a verb when it is first used, so that `import shelfmind` does not load MindSpore."""
    if name not in _PLACES:
        raise AttributeError(f"module 'shelfmind' has no attribute '{name}'")
    from importlib import import_module

    if name in _NEEDS_MINDSPORE:
        from shelfmind.runtime.device import start_mindspore

        start_mindspore()
    module, attribute = _PLACES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value

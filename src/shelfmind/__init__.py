"""Recognises retail products (SKUs) in product photos, on MindSpore."""

from __future__ import annotations

from typing import Any

from shelfmind.verbs import VERBS

__version__ = "0.2.0"

_LIGHT = {
    "Observer": ("shelfmind.requests.watching", "Observer"),
    "TrackingWatcher": ("shelfmind.training.tracking", "TrackingWatcher"),
    "Watcher": ("shelfmind.training.watching", "Watcher"),
    "load": ("shelfmind.inference.predictor", "load"),
    "list_models": ("shelfmind.model_facts", "list_models"),
    "list_recipes": ("shelfmind.recipe", "recipe_names"),
    "load_recipe": ("shelfmind.recipe", "load_recipe"),
    "open_catalog": ("shelfmind.data", "open_catalog"),
    "recognizer": ("shelfmind.inference.recognizer", "recognizer"),
    "recommend_recipe": ("shelfmind.workflows.recommendation", "recommend_recipe"),
}
"""Public names in addition to the verbs: module and attribute."""
_ON_MINDSPORE = {
    "create_model": ("shelfmind.models", "create_model"),
    "resume": ("shelfmind.training.run", "resume"),
}
"""Public names whose modules need MindSpore to be started before import."""
__all__ = sorted([*(name for name, verb in VERBS.items() if verb.in_python), *_LIGHT, *_ON_MINDSPORE])


def __dir__() -> list[str]:
    """The public names, including verbs that are not loaded yet, without this module's own imports."""
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def __getattr__(name: str) -> Any:
    """Import a verb on first use, so that `import shelfmind` does not load MindSpore."""
    if name not in __all__:
        raise AttributeError(f"module 'shelfmind' has no attribute '{name}'")
    if name in VERBS:
        from shelfmind.api import function_of

        value: Any = function_of(name)
    else:
        from importlib import import_module

        if name in _ON_MINDSPORE:
            from shelfmind.machine.device import start_mindspore

            start_mindspore()
        module, attribute = (_LIGHT | _ON_MINDSPORE)[name]
        value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value

"""Recognises retail products (SKUs) in photos of shelf items, on MindSpore."""

from __future__ import annotations

from typing import Any

from shelfmind.verbs import VERBS

__version__ = "0.1.0"
__all__ = [
    *VERBS,
    "TrackingWatcher",
    "Watcher",
    "audit",
    "calibrate",
    "create_model",
    "doctor",
    "evaluate",
    "evaluate_ensemble",
    "explain",
    "find_label_errors",
    "fixres",
    "judge_by",
    "list_models",
    "list_recipes",
    "load",
    "load_recipe",
    "open_catalog",
    "predict",
    "pretrain",
    "resume",
    "soup",
    "train",
    "tune",
]

_PLACES = {
    "audit": ("shelfmind.workflows.audit", "audit"),
    "calibrate": ("shelfmind.workflows.evaluate", "calibrate_run"),
    "create_model": ("shelfmind.models", "create_model"),
    "doctor": ("shelfmind.machine.doctor", "examine"),
    "evaluate": ("shelfmind.workflows.evaluate", "evaluate_run"),
    "evaluate_ensemble": ("shelfmind.workflows.ensemble", "evaluate_ensemble"),
    "explain": ("shelfmind.workflows.explain", "explain"),
    "find_label_errors": ("shelfmind.training.label_check", "find_label_errors"),
    "fixres": ("shelfmind.training.fixres", "fixres"),
    "judge_by": ("shelfmind.workflows.judging", "judge_by"),
    "list_models": ("shelfmind.model_facts", "list_models"),
    "list_recipes": ("shelfmind.recipe", "recipe_names"),
    "load": ("shelfmind.inference.predictor", "load"),
    "load_recipe": ("shelfmind.recipe", "load_recipe"),
    "open_catalog": ("shelfmind.data", "open_catalog"),
    "predict": ("shelfmind.inference.predict_files", "predict_files"),
    "pretrain": ("shelfmind.training.pretrain", "pretrain"),
    "resume": ("shelfmind.training.run", "resume"),
    "soup": ("shelfmind.training.soup", "soup"),
    "train": ("shelfmind.training.run", "train"),
    "TrackingWatcher": ("shelfmind.training.tracking", "TrackingWatcher"),
    "tune": ("shelfmind.training.tune", "tune"),
    "Watcher": ("shelfmind.training.watching", "Watcher"),
}
_WITHOUT_MINDSPORE = {
    "TrackingWatcher",
    "Watcher",
    "audit",
    "list_models",
    "list_recipes",
    "load_recipe",
    "open_catalog",
}


def __dir__() -> list[str]:
    """Everything there is, the verbs that were not used yet included."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a verb when it is first used, so that `import shelfmind` does not load MindSpore."""
    if name in VERBS:
        from shelfmind.api import function_of

        globals()[name] = function_of(name)
        return globals()[name]
    if name not in _PLACES:
        raise AttributeError(f"module 'shelfmind' has no attribute '{name}'")
    from importlib import import_module

    if name not in _WITHOUT_MINDSPORE:
        from shelfmind.machine.device import start_mindspore

        start_mindspore()
    module, attribute = _PLACES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value

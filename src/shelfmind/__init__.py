"""Recognises retail products (SKUs) in photos of shelf items, on MindSpore."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = [
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
    "generate",
    "judge_by",
    "list_models",
    "list_recipes",
    "load",
    "load_recipe",
    "open_catalog",
    "predict",
    "prepare",
    "pretrain",
    "resume",
    "soup",
    "train",
    "tune",
]

_PLACES = {
    "audit": ("shelfmind.analysis.audit", "audit"),
    "calibrate": ("shelfmind.runtime.assess", "calibrate_run"),
    "create_model": ("shelfmind.models", "create_model"),
    "doctor": ("shelfmind.runtime.doctor", "examine"),
    "evaluate": ("shelfmind.runtime.assess", "evaluate_run"),
    "evaluate_ensemble": ("shelfmind.runtime.ensemble", "evaluate_ensemble"),
    "explain": ("shelfmind.runtime.explain", "explain"),
    "find_label_errors": ("shelfmind.training.label_check", "find_label_errors"),
    "fixres": ("shelfmind.training.fixres", "fixres"),
    "generate": ("shelfmind.data.shelf_generator", "generate"),
    "judge_by": ("shelfmind.runtime.judging", "judge_by"),
    "list_models": ("shelfmind.models", "list_models"),
    "list_recipes": ("shelfmind.recipe", "recipe_names"),
    "load": ("shelfmind.runtime.predict", "load"),
    "load_recipe": ("shelfmind.recipe", "load_recipe"),
    "open_catalog": ("shelfmind.data", "open_catalog"),
    "predict": ("shelfmind.runtime.predict_files", "predict_files"),
    "prepare": ("shelfmind.cleaning.prepare", "prepare"),
    "pretrain": ("shelfmind.training.pretrain", "pretrain"),
    "resume": ("shelfmind.training.run", "resume"),
    "soup": ("shelfmind.training.soup", "soup"),
    "train": ("shelfmind.training.run", "train"),
    "TrackingWatcher": ("shelfmind.training.tracking", "TrackingWatcher"),
    "tune": ("shelfmind.training.tune", "tune"),
    "Watcher": ("shelfmind.training.run", "Watcher"),
}
_WITHOUT_MINDSPORE = {"audit", "generate", "list_recipes", "load_recipe", "open_catalog", "prepare"}


def __getattr__(name: str) -> Any:
    """Import a verb when it is first used, so that `import shelfmind` does not load MindSpore."""
    if name not in _PLACES:
        raise AttributeError(f"module 'shelfmind' has no attribute '{name}'")
    from importlib import import_module

    if name not in _WITHOUT_MINDSPORE:
        from shelfmind.runtime.device import start_mindspore

        start_mindspore()
    module, attribute = _PLACES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value

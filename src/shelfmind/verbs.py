"""The verbs: what each takes, where it lies, how the command shows what came out, where help lists it.

Nothing is imported for this table, so that help is quick; a verb's own modules are loaded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shelfmind.requests.request import Request

DATA, TRAIN, MEASURE, TOOL = "Know the data", "Train", "Measure and predict", "About the tool"


@dataclass(frozen=True)
class Verb:
    """One verb; `request`, `function` and `show` are names as in ``module:name``, below `shelfmind`."""

    panel: str
    summary: str
    request: str
    """A subclass of `Request`."""
    function: str
    """Called with a request and, if there is one, an `Observer`; returns the outcome."""
    show: str
    """Called with outcome, request and `Display` at the end of a command; its keyword arguments are further options."""
    mindspore: bool = True

    @property
    def request_type(self) -> type[Request]:
        """What it takes."""
        found: type[Request] = _load(self.request)
        return found

    @property
    def shown_by(self) -> Callable[..., None]:
        """What prints its outcome."""
        found: Callable[..., None] = _load(self.show)
        return found

    def run(self, request: Request, watcher: Any = None) -> Any:
        """Do it; MindSpore starts first if the verb computes with it, but not before its inputs are there."""
        request.require_inputs()
        if self.mindspore:
            _load("machine.device:start_mindspore")()
        return _load(self.function)(request, watcher=watcher)


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"shelfmind.{module}"), name)


VERBS = {
    "prepare": Verb(
        panel=DATA,
        summary="Make a clean copy of a data set from decisions and rules.",
        request="requests.preparing:PrepareRequest",
        function="workflows.prepare:prepare",
        show="cli.outcomes.data_sets:show_prepared",
        mindspore=False,
    ),
    "generate": Verb(
        panel=DATA,
        summary="Draw a data set of made-up products in RP2K's layout, with the truth about every photo in truth.csv.",
        request="shelf_generator.settings:GenerateRequest",
        function="shelf_generator.writing:generate",
        show="cli.outcomes.data_sets:show_generated",
        mindspore=False,
    ),
}
"""By the name in Python; the command has - for _."""

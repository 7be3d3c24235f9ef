"""Verbs called from Python with plain arguments or a request."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.requests.calling import described, signature, takes
from shelfmind.requests.preparing import PrepareRequest
from shelfmind.requests.watching import SILENT, Observer


@takes(PrepareRequest)
def verb(request: PrepareRequest, watcher: Observer = SILENT) -> Any:
    """Give back what came in."""
    return request, watcher


def test_places_names_and_a_ready_request_come_to_the_same(tmp_path: Any) -> None:
    ready = PrepareRequest(data=tmp_path, out="clean", seed=3)  # type: ignore[arg-type]
    for request, watcher in (verb(tmp_path, "clean", seed=3), verb(data=tmp_path, out="clean", seed=3), verb(ready)):
        assert request == ready
        assert watcher is SILENT
    assert verb(ready, watcher="mine")[1] == "mine"


def test_only_what_must_be_there_goes_by_its_place(tmp_path: Any) -> None:
    with pytest.raises(TypeError, match=r"must have at most 2 positional arguments \(data, out\), got 3"):
        verb(tmp_path, "clean", "third")
    with pytest.raises(TypeError, match="two values for 'out'"):
        verb(tmp_path, "clean", out="other")


def test_a_name_that_there_is_not_and_inputs_that_are_missing_are_refused(tmp_path: Any) -> None:
    with pytest.raises(UserError, match="unknown argument 'sed'; did you mean seed"):
        verb(tmp_path, "clean", sed=3)
    with pytest.raises(UserError, match="no such file or folder"):
        verb(tmp_path / "missing", "clean")
    with pytest.raises(UserError, match=r"no decisions at .*review\.jsonl"):
        verb(tmp_path, "clean", decisions=[tmp_path / "review.jsonl"])


def test_signature_and_documentation_list_every_argument() -> None:
    parameters = signature(PrepareRequest).parameters
    assert list(parameters)[:2] == ["data", "out"]
    assert set(parameters) == {*PrepareRequest.model_fields, "watcher"}
    assert parameters["seed"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["seed"].default == 0
    assert inspect.signature(verb) == signature(PrepareRequest)
    assert (
        "    split_floor: Minimum number of images per class in val and test, if they are split again. (default: 1)"
        in described(PrepareRequest)
    )

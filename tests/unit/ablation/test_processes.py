"""What is said of a process that ended without saying why."""

from __future__ import annotations

import pytest

from shelfmind.ablation.processes import _last_exception

FROM_THE_COMPILER = """Traceback (most recent call last):
  File "loop.py", line 138, in take_step
NameError: The name 'trained' is not defined, or not supported in graph mode.

----------------------------------------------------
- The Traceback of Net Construct Code:
----------------------------------------------------
        gradients = found[:trained]
                           ^~~~~~~
"""


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (FROM_THE_COMPILER, "NameError: The name 'trained' is not defined, or not supported in graph mode."),
        ("ValueError: one\nmindspore.MemoryError: two\n", "mindspore.MemoryError: two"),
        ("Killed\n", "Killed"),
        ("", "no output"),
    ],
)
def test_the_reason_is_the_exception_and_not_what_is_printed_after_it(printed: str, reason: str) -> None:
    assert _last_exception(printed) == reason

"""Errors say what must be and what was given, never a fact that the user has just contradicted."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import shelfmind

STATED = re.compile(
    r"\b(is a|is an|is one of|is odd|is expected|lies?|divides|adds? up|has|takes)\b[^;]*, (not|got) \{"
)


def messages() -> Iterator[tuple[str, str]]:
    """Place and text of all messages that are raised."""
    root = Path(shelfmind.__file__).parent
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                for argument in node.exc.args:
                    if isinstance(argument, ast.JoinedStr | ast.Constant):
                        yield f"{path.relative_to(root)}:{node.lineno}", ast.unparse(argument)


def test_no_message_states_as_a_fact_what_the_value_is_not() -> None:
    found = list(messages())
    assert len(found) > 150
    assert [each for each in found if STATED.search(each[1]) and " must " not in each[1]] == []
    assert STATED.search("deep_kernel_size is odd, not {deep_kernel_size}")

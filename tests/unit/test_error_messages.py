"""Errors say what must be and what was given, never a fact that the user has just contradicted."""

from __future__ import annotations

import ast
import itertools
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


def test_no_text_is_cut_off_by_a_missing_parenthesis() -> None:
    """A second line of text without parentheses is a statement of its own, and the message ends in mid-sentence."""

    def stray(code: ast.AST) -> Iterator[int]:
        for node in ast.walk(code):
            if isinstance(node, ast.Module | ast.ClassDef):
                continue
            for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
                for before, after in itertools.pairwise(block if isinstance(block, list) else []):
                    is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant | ast.JoinedStr)
                    if is_text and not documents(before):
                        yield after.lineno

    def documents(statement: ast.stmt) -> bool:
        """Whether a text after it may document it: an assignment of an attribute."""
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        return any(isinstance(target, ast.Attribute) for target in targets)

    root = Path(shelfmind.__file__).parent
    found = [
        f"{path}:{line}" for path in root.rglob("*.py") for line in stray(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []
    assert list(stray(ast.parse('def f():\n    why = "too few "\n    "photos"\n    return why\n'))) == [3]

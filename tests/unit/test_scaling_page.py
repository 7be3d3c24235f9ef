"""The arithmetic on the page about scaling is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
TIMES = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "days": 86400.0, "core-hours": 3600.0}
SIZES = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
UNITS = {**TIMES, **SIZES, **dict.fromkeys(("/s", "cores", "dollars"), 1.0)}
NAMES = "|".join(sorted(UNITS, key=len, reverse=True))
QUANTITY = rf"([\d,]+(?:\.\d+)?)( million)?(?: ?({NAMES})\b)?"
TERM = rf"\(*{QUANTITY}\)?"
EQUATION = re.compile(rf"{TERM}(?: [×÷+−] {TERM})+ = {TERM}")
OPERATORS = str.maketrans({"×": "*", "÷": "/", "−": "-"})
LEAST_EQUATIONS, ROUNDING = 60, 0.05


def equations(text: str) -> list[str]:
    """The equations of a page: links are their text, and lines may break anywhere."""
    plain = " ".join(re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text).split())
    return [found.group() for found in EQUATION.finditer(plain)]


def value(expression: str) -> float:
    """The value of one side of an equation, in seconds, in bytes, or without a unit."""

    def quantity(found: re.Match[str]) -> str:
        number, million, unit = found.groups()
        return repr(float(number.replace(",", "")) * (1e6 if million else 1) * UNITS.get(unit, 1.0))

    plain = re.sub(QUANTITY, quantity, expression).translate(OPERATORS)
    assert re.fullmatch(r"[\d.e+\-*/() ]+", plain), plain
    return float(eval(plain))


def wrong(text: str) -> list[str]:
    """The equations whose sides differ by more than rounding, with the value of the left one."""
    sides = [equation.split(" = ") for equation in equations(text)]
    return [
        f"{left} = {value(left):g}" for left, right in sides if value(left) != pytest.approx(value(right), rel=ROUNDING)
    ]


def test_equations_are_right() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(equations(text)) >= LEAST_EQUATIONS
    assert wrong(text) == []


def test_a_wrong_equation_would_be_found() -> None:
    assert wrong("All of it: 345,000 × [3.4\n ms](results.md) ÷ (8 × 8) = 0.3 min, and 2 ÷ 594/s = 3.4 ms.") == []
    assert wrong("All of it: 345,000 × [3.4\n ms](results.md) ÷ 8 = 0.3 min.") == ["345,000 × 3.4 ms ÷ 8 = 146.625"]

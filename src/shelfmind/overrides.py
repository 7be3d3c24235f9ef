"""Overrides such as ``train.epochs=3``, with values in YAML."""

from __future__ import annotations

import math
from typing import Any

import yaml

from shelfmind.errors import UserError, argument
from shelfmind.structured_text import parse_yaml


def parse_override(text: str, example: str) -> tuple[str, Any]:
    """Parse ``KEY=VALUE``; `example` is shown in the error message.

    Raises:
        UserError: there is no ``=``, no key before it, or no valid YAML after it.
    """
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise UserError(f"{argument('overrides')} must have the form KEY=VALUE, such as {example}, got '{text}'")
    try:
        return key.strip(), parse_yaml(value)
    except yaml.YAMLError:
        raise UserError(f"{argument('overrides')}: the value of {text} must be valid YAML") from None


def format_override(name: str, value: Any) -> str:
    """``name=value`` for `parse_override`, as YAML, which would read Python's ``1e-05`` as text."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return f"{name}={text.removesuffix('...' + chr(10)).strip()}"

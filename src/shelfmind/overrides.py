"""Settings changed by words such as ``train.epochs=3``, whose values are YAML."""

from __future__ import annotations

import math
from typing import Any

import yaml

from shelfmind.errors import UserError, argument


def parse_override(text: str, example: str) -> tuple[str, Any]:
    """The key and the value of ``KEY=VALUE``; `example` is shown to who writes something else.

    Raises:
        UserError: there is no ``=``, no key before it, or no valid YAML behind it.
    """
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise UserError(f"{argument('overrides')} must be like KEY=VALUE, such as {example}, got '{text}'")
    try:
        return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        raise UserError(f"{argument('overrides')}: the value of {text} must be valid YAML") from None


def written_override(name: str, value: Any) -> str:
    """``name=value`` that `parse_override` reads back: in YAML, which reads Python's ``1e-05`` as text."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return f"{name}={text.removesuffix('...' + chr(10)).strip()}"

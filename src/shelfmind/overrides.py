"""Settings changed by words such as ``train.epochs=3``, whose values are YAML."""

from __future__ import annotations

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

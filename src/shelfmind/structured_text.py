"""JSON and YAML from files: whatever the text, the only exception is the one for malformed text."""

from __future__ import annotations

import json
from typing import Any

import yaml

TOO_DEEP = "it is nested too deeply"


def parse_json(text: str | bytes) -> Any:
    """Parse JSON. Raises `ValueError`, also for text that is not UTF-8 or is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None


def parse_yaml(text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Any:
    """Parse YAML. Raises `yaml.YAMLError`, also for an invalid value such as the date 2026-99-99."""
    try:
        return yaml.load(text, loader)  # nosec B506  # a safe loader
    except yaml.YAMLError:
        raise
    except RecursionError:
        raise yaml.YAMLError(TOO_DEEP) from None
    except Exception as error:  # constructors of values raise anything
        raise yaml.YAMLError(f"a value is invalid: {error}") from error

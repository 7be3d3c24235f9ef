"""Settings from values and from texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.shelf_generator.settings import FACTORS, Settings, error_shares, make_settings, size_range

DOCUMENT = Path(__file__).parents[3] / "docs" / "generated-data.md"


def test_overrides_win_and_are_typed() -> None:
    made = make_settings({"classes": 20, "glare": 0.2}, ["glare=0.7", "family-size=3", "error_splits=[train]"])
    assert (made.classes, made.glare, made.family_size, made.error_splits) == (20, 0.7, 3, ("train",))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"classes": 1}, "classes must be at least 2, got 1"),
        ({"classes": 100_001, "images": 200_000}, "classes must be at most 100000, got 100001"),
        ({"classes": 100, "images": 199}, "199 images are too few for 100 classes: use at least 200"),
        ({"classes": 100, "images": 250, "val_fraction": 0.1}, "use at least 300"),
        ({"seed": -1}, "seed"),
        ({"glare": 1.2}, "glare"),
        ({"label_errors": -0.1}, "label_errors"),
        ({"error_kinds": {"wrong": 1}}, "unknown kind of label error 'wrong'"),
        ({"error_kinds": {"random": 0}}, "error_kinds must have at least one share above 0"),
        ({"error_kinds": {"random": float("nan")}}, "random"),
        ({"long_side": (400, 150)}, "long_side"),
        ({"layout": "coco"}, "layout"),
        ({"glair": 0.2}, "unknown argument 'glair'; did you mean glare"),
        ({"difficulty": float("nan")}, "difficulty"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        make_settings(values)


@pytest.mark.parametrize("override", ["glare", "=3", "glare=[", "classes=many"])
def test_overrides_that_cannot_be_read_are_refused(override: str) -> None:
    with pytest.raises(UserError):
        make_settings({}, [override])


def test_difficulty_multiplies_every_level_up_to_its_limit() -> None:
    for factor in FACTORS:
        assert make_settings({"difficulty": 0}).level(factor) == 0
        assert make_settings({}).level(factor) == pytest.approx(make_settings({"difficulty": 0.5}).level(factor) * 2)
        assert make_settings({"difficulty": 5}).level(factor) == 1


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    assert set(FACTORS) < set(Settings.model_fields)


def test_the_documentation_lists_every_setting_with_its_default() -> None:
    rows = {line.split("`")[1]: line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")}
    for name, field in Settings.model_fields.items():
        assert rows[name].endswith(f"| {field.description} |")
        if isinstance(field.default, (int, float)):
            assert f"{field.default} |" in rows[name]


def test_error_shares() -> None:
    assert error_shares("random,sibling") == {"random": 1.0, "sibling": 1.0}
    assert error_shares("random=0.7, foreign=0.3") == {"random": 0.7, "foreign": 0.3}
    for text in ("randm", "random=x", "", "random;sibling"):
        with pytest.raises(UserError):
            error_shares(text)


def test_size_ranges() -> None:
    assert size_range("224") == (224, 224)
    assert size_range("150-400") == (150, 400)
    for text in ("", "big", "100-", "-5", "1-2-3"):
        with pytest.raises(UserError):
            size_range(text)

"""A request: what it takes, what it refuses, and what of it is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.arguments import arguments
from shelfmind.requests.request import COMMA_SEPARATED, ONE_OR_MORE, Flag, Incidental, NoFlag, Positional, Request


class Bake(Request):
    """A request with a field of each kind."""

    cakes: Annotated[tuple[Path, ...], Positional(metavar="CAKE..."), ONE_OR_MORE] = Field(description="what to bake")
    out: Annotated[Path, Incidental] = Field(description="where to put them")
    heat: float = Field(180.0, gt=0, le=300, description="degrees")
    layers: int | None = Field(None, ge=1, description="of each")
    icing: Literal["white", "chocolate"] = Field("white", description="on top")
    spices: Annotated[tuple[str, ...], Flag("--spice")] = Field((), description="inside")
    tins: Annotated[tuple[int, ...], Flag(repeated=False, metavar="20,24"), COMMA_SEPARATED] = Field(
        (20, 24), description="sizes"
    )
    crisp: bool = Field(False, description="longer at the top")
    secret: Annotated[int, NoFlag] = Field(3, description="not for the command")

    @model_validator(mode="after")
    def _fits(self) -> Bake:
        if self.crisp and self.heat < 200:
            raise ValueError(f"{argument('crisp')} needs {argument('heat')} of 200")
        return self


def bake(**values: Any) -> Bake:
    return Bake(**{"cakes": ("a",), "out": "b", **values})


def test_values_are_typed_and_frozen() -> None:
    made = bake(heat="200", tins="18, 20", spices=["mace"], cakes="plum")
    assert (made.heat, made.tins, made.spices, made.cakes) == (200.0, (18, 20), ("mace",), (Path("plum"),))
    with pytest.raises(ValidationError, match="rozen"):
        made.heat = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"heat": 0}, "heat must be greater than 0, got 0"),
        ({"heat": 301}, "heat must be at most 300, got 301"),
        ({"heat": "warm"}, "heat must be a number, got 'warm'"),
        ({"heat": float("nan")}, "heat must be a finite number, got nan"),
        ({"layers": 0}, "layers must be at least 1, got 0"),
        ({"layers": 1.5}, "layers must be a whole number, got 1.5"),
        ({"icing": "chocolat"}, "icing must be white or chocolate, got 'chocolat'; did you mean chocolate?"),
        ({"spices": "mace"}, "spices must be a list, got 'mace'"),
        ({"cakes": [3]}, "cakes, number 1, must be a path, got 3"),
        ({"out": None}, "out must be a path, got nothing"),
        ({"crisp": "perhaps"}, "crisp must be true or false, got 'perhaps'"),
        ({"crisp": True}, "crisp needs heat of 200"),
        ({"laiers": 2}, "unknown argument 'laiers'; did you mean layers or cakes or tins?"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(values: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        bake(**values)
    assert str(caught.value) == said


def test_what_is_missing_is_named() -> None:
    with pytest.raises(UserError, match=r"^out must be given$"):
        Bake(cakes=(Path("a"),))  # type: ignore[call-arg]


def test_the_record_has_what_decides_the_outcome_alone() -> None:
    assert bake(heat=200).to_json() == {
        "cakes": ["a"],
        "heat": 200.0,
        "layers": None,
        "icing": "white",
        "spices": [],
        "tins": [20, 24],
        "crisp": False,
        "secret": 3,
    }


def test_file_names_that_are_no_utf_8_are_taken_and_recorded() -> None:
    made = bake(cakes=["b\udce9"])
    assert made.cakes == (Path("b\udce9"),)
    assert made.to_json()["cakes"] == ["b\udce9"]


def test_the_arguments_say_how_each_is_given() -> None:
    found = {each.name: each for each in arguments(Bake)}
    assert list(found)[:2] == ["cakes", "out"]
    assert found["cakes"].positional
    assert found["cakes"].on_command_line == "CAKE..."
    assert (found["spices"].flags, found["spices"].repeated) == (("--spice",), True)
    assert (found["tins"].repeated, found["tins"].written((20, 24))) == (False, "20,24")
    assert found["crisp"].switch
    assert not found["secret"].in_command
    metavars = {name: each.metavar for name, each in found.items()}
    assert metavars["heat"] == "<float> [0<x<=300]"
    assert metavars["layers"] == "<int> [x>=1]"
    assert metavars["icing"] == "<white|chocolate>"
    assert metavars["out"] == "<path>"

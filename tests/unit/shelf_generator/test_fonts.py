"""Fonts found and chosen, and text with fonts and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.shelf_generator.fonts import Fonts, find_fonts, system_fonts
from shelfmind.shelf_generator.lettering import column_mask, text_mask

NONE = Fonts()


def test_no_folder_no_fonts(tmp_path: Path) -> None:
    assert system_fonts([tmp_path / "missing", tmp_path]) == NONE


def test_known_fonts_are_found_in_order_of_preference(tmp_path: Path) -> None:
    for name in ("deep/wqy-zenhei.ttc", "NotoSansCJK-Bold.ttc", "DejaVuSerif-Bold.ttf", "DejaVuSans-Bold.ttf", "x.ttf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    fonts = system_fonts([tmp_path])
    assert [path.name for path in fonts.latin] == ["DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf"]
    assert [path.name for path in fonts.cjk] == ["NotoSansCJK-Bold.ttc", "wqy-zenhei.ttc"]


def test_none_is_no_font_and_system_the_systems() -> None:
    assert find_fonts(["none"]) == NONE
    assert find_fonts(["system"]) == system_fonts()


def test_a_font_that_is_given_is_used_for_the_scripts_it_has() -> None:
    known = system_fonts()
    for path in known.latin:
        assert path in find_fonts([str(path)]).latin
    for path in known.cjk:
        assert path in find_fonts([str(path)]).cjk
        assert path in find_fonts([str(path.parent)]).cjk
    if known.latin and "DejaVu" in known.latin[0].name:
        assert find_fonts([str(known.latin[0])]).cjk == ()


def test_paths_without_fonts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such font"):
        find_fonts([str(tmp_path / "missing.ttf")])
    with pytest.raises(UserError, match="no fonts"):
        find_fonts([str(tmp_path)])
    (tmp_path / "text.ttf").write_text("no font at all")
    with pytest.raises(UserError, match=r"text\.ttf is not a font"):
        find_fonts([str(tmp_path / "text.ttf")])
    with pytest.raises(UserError, match=r"text\.ttf is not a font"):
        find_fonts(["system", str(tmp_path)])


@pytest.mark.parametrize("fonts", [NONE, system_fonts()], ids=["no font", "system"])
@pytest.mark.parametrize("text", ["绿茶", "TEA", "52度", "500ml", "¥3.50"])
@pytest.mark.parametrize("height", [7, 24, 60])
def test_any_text_leaves_ink_at_the_asked_height(text: str, height: int, fonts: Fonts) -> None:
    mask = text_mask(text, height, fonts)
    assert mask.mode == "L"
    assert mask.height == height
    assert 0.03 < np.asarray(mask).mean() / 255 < 0.8


@pytest.mark.parametrize("fonts", [NONE, system_fonts()], ids=["no font", "system"])
def test_columns_have_a_character_a_row(fonts: Fonts) -> None:
    mask = column_mask("绿茶W", 20, fonts)
    assert mask.size == (20, 60)
    assert all(np.asarray(mask)[row : row + 20].any() for row in (0, 20, 40))


def test_drawn_glyphs_repeat_for_a_character_and_differ_between_characters() -> None:
    drawn = {character: text_mask(character, 32, NONE).tobytes() for character in "绿红茶奶果酒"}
    assert len(set(drawn.values())) == 6
    assert drawn["茶"] == text_mask("茶", 32, NONE).tobytes()


def test_without_fonts_chinese_takes_one_square_a_character() -> None:
    assert text_mask("绿茶", 20, NONE).size == (40, 20)

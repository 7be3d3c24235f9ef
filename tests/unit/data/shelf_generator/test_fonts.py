"""Text with fonts and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shelfmind.data.shelf_generator.fonts import Fonts, system_fonts, text_mask

NONE = Fonts()


def test_no_folder_no_fonts(tmp_path: Path) -> None:
    assert system_fonts([tmp_path / "missing", tmp_path]) == NONE


def test_known_fonts_are_found_in_order_of_preference(tmp_path: Path) -> None:
    for name in ("deep/wqy-zenhei.ttc", "NotoSansCJK-Bold.ttc", "DejaVuSerif-Bold.ttf", "DejaVuSans-Bold.ttf", "x.ttf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    fonts = system_fonts([tmp_path])
    assert [path.name for path in fonts.latin] == ["DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf"]
    assert fonts.cjk == tmp_path / "NotoSansCJK-Bold.ttc"


@pytest.mark.parametrize("fonts", [NONE, system_fonts()], ids=["no font", "system"])
@pytest.mark.parametrize("text", ["绿茶", "TEA", "52度", "500ml", "¥3.50"])
@pytest.mark.parametrize("height", [7, 24, 60])
def test_any_text_leaves_ink_at_the_asked_height(text: str, height: int, fonts: Fonts) -> None:
    mask = text_mask(text, height, fonts)
    assert mask.mode == "L"
    assert mask.height == height
    assert 0.03 < np.asarray(mask).mean() / 255 < 0.8


def test_drawn_glyphs_repeat_for_a_character_and_differ_between_characters() -> None:
    drawn = {character: text_mask(character, 32, NONE).tobytes() for character in "绿红茶奶果酒"}
    assert len(set(drawn.values())) == 6
    assert drawn["茶"] == text_mask("茶", 32, NONE).tobytes()


def test_without_fonts_chinese_takes_one_square_a_character() -> None:
    assert text_mask("绿茶", 20, NONE).size == (40, 20)

"""Names come out as every system can keep them, and two classes never become one unasked."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.cleaning.names import MAX_BYTES, clean_name, clean_names
from shelfmind.data.classes import normalise_class_name
from shelfmind.errors import UserError

ANY = st.text(
    st.characters(codec="utf-8") | st.sampled_from("\udc80\udce9（）【】。．・/\\:. \u200b\u3000"), max_size=300
)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("可口可乐（500ml）", "可口可乐(500ml)"),
        ("可口可乐 ( 500ml )", "可口可乐(500ml)"),
        ("ＣＯＣＡ　ｃｏｌａ", "COCA cola"),
        ("  七喜   330ml ", "七喜 330ml"),
        ("黄鹤楼【硬】", "黄鹤楼[硬]"),
        ("德芙•巧克力", "德芙·巧克力"),
        ("好丽友・派", "好丽友·派"),
        ("牛奶 2．5L", "牛奶 2.5L"),
        (".7UP.", "7UP"),
        ("50/50: a*b?", "50_50_ a_b_"),
        ("a\u200bb\ufeff", "ab"),
        ("cola \u200b zero", "cola zero"),
        ("可乐\u00ad (1L \u200b)", "可乐(1L)"),
        ("caf\udce9", "caf%e9"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("...", "_"),
        ("Coca-Cola (1L)", "Coca-Cola (1L)"),
    ],
)
def test_a_name_comes_out_clean(name, clean):
    assert clean_name(name) == clean


@settings(deadline=None)
@given(ANY)
def test_a_clean_name_is_fit_for_any_system_and_stays_as_it_is(name):
    clean = clean_name(name)
    assert clean_name(clean) == clean
    assert 1 <= len(clean.encode("utf-8")) <= MAX_BYTES + 1
    assert clean == clean.strip(" .")
    assert not set(clean) & set('<>:"/\\|?*')
    assert all(unicodedata.category(character) not in ("Cc", "Cf", "Cs") for character in clean)
    assert normalise_class_name(clean) == clean  # so that the clean data set opens without a quarrel about names


def test_names_are_mapped_and_the_map_can_be_turned_around():
    names = clean_names(["可乐（1L）", "雪碧", "Ａ"])
    assert names == {"可乐（1L）": "可乐(1L)", "雪碧": "雪碧", "Ａ": "A"}
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize("pair", [("可乐（1L）", "可乐(1L)"), ("7UP", ".7UP"), ("Cola", "cola")])
def test_classes_that_would_become_one_are_refused_by_name_unless_they_may(pair):
    with pytest.raises(UserError, match="merge_same_names=True") as raised:
        clean_names(pair)
    assert all(repr(name) in str(raised.value) for name in pair)
    assert len(set(clean_names(pair, merge=True).values())) == 1

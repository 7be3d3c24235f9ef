"""Every word of a page has its Chinese, from one table that holds nothing else."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from jinja2 import Environment, nodes
from markupsafe import Markup, escape

import shelfmind
from shelfmind.analysis.competence import competence, competence_warning
from shelfmind.analysis.image_audit.quality import RULES
from shelfmind.analysis.image_audit.shift import shift_features
from shelfmind.analysis.measuring.measurement import ODDITIES
from shelfmind.analysis.measuring.measures import MEASURES
from shelfmind.data.class_labels import ClassNames
from shelfmind.data.folder import folder_catalog
from shelfmind.data.saved_data import note_results
from shelfmind.data.shards import note_unlisted
from shelfmind.gallery.findings import KINDS
from shelfmind.images import decoding
from shelfmind.images.heif import NEEDS_PILLOW_HEIF, NEEDS_PILLOW_WITH_AVIF
from shelfmind.machine.checksum_lists import write_checksums
from shelfmind.pages import words
from shelfmind.pages.chinese import CHINESE, COUNTED
from shelfmind.pages.words import Text, counted, in_chinese, joined, listed, many, say, split_name, translated
from shelfmind.training.shortfalls import shortfalls

PACKAGE = Path(shelfmind.__file__).parent
PLACES = {"say": 0, "many": 2}
"""Where the words of the table stand among the arguments."""


def of_modules() -> Iterator[tuple[str, object]]:
    """Place and words of each call in a module; None where they are no literal."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name != "pages" and "shelfmind.pages.words" not in path.read_text(encoding="utf-8"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in PLACES:
                said = node.args[PLACES[node.func.id]]
                yield f"{path.name}:{node.lineno}", said.value if isinstance(said, ast.Constant) else None


def of_templates() -> Iterator[tuple[str, object]]:
    """As `of_modules`, of templates."""
    for path in sorted(PACKAGE.glob("pages/**/*.j2")):
        for call in Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in PLACES:
                said = call.args[PLACES[call.node.name]]
                yield f"{path.name}:{call.lineno}", said.value if isinstance(said, nodes.Const) else None


def values(template: str) -> list[str]:
    """The values that a template takes, numbered."""
    named = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    return sorted(name or str(place) for place, name in enumerate(named))


def test_the_table_has_all_words_and_no_others() -> None:
    said = [*of_modules(), *of_templates()]
    assert len(said) > 300
    assert [place for place, text in said if text is None] == [], "words of the table must be literals"
    assert sorted({text for _, text in said} - set(CHINESE)) == []
    assert sorted(set(CHINESE) - {text for _, text in said}) == []


@pytest.mark.parametrize("english", CHINESE)
def test_the_chinese_takes_the_same_values(english: str) -> None:
    chinese = CHINESE[english]
    assert values(chinese) == values(english)
    assert re.search(r"[\u4e00-\u9fff]", chinese) or english == "Top-1" or not re.search("[A-Za-z]{2}", english)
    assert not re.search(r"[\u4e00-\u9fff] ?[,;:?!.]", chinese), "Chinese has punctuation of its own"


def test_templates_write_no_words_themselves() -> None:
    for path in sorted(PACKAGE.glob("pages/**/*.j2")):
        body = path.read_text(encoding="utf-8").partition("</style>")[2] or path.read_text(encoding="utf-8")
        body = re.sub(r"(?s)<script>.*?</script>|{[{%#].*?[}%#]}", "", body)
        written = re.sub(r"<[^>]*>", "", body)
        assert re.findall(r"[A-Za-z]{2,}", written) == [], path.name
        assert re.findall(r'(?:alt|placeholder|aria-label)="[A-Za-z]', body) == [], path.name


def test_values_are_put_in_the_readers_language() -> None:
    text = say("{} of {} correct", f"{1000:,}", 2000)
    assert (text, text.chinese) == ("1,000 of 2000 correct", "2000 张中 1,000 张正确")
    within = say("Evaluated by {}: {}.", "x", counted(1, "image"))
    assert (within, within.chinese) == ("Evaluated by x: 1 image.", "评估所用网络：x；共 1 张图片。")
    one, more = (many(n, "{} file is unreadable.", "{} files are unreadable.", n) for n in (1, 2))
    assert (one, one.chinese) == ("1 file is unreadable.", "1 个文件无法读取。")
    assert (more, more.chinese) == ("2 files are unreadable.", "2 个文件无法读取。")
    assert in_chinese(listed([split_name("train"), "x"])) == "训练集、x"
    assert in_chinese(split_name("test,new")) == "测试集、新增"
    assert joined([say("None."), "", say("None.")]) == "None. None."
    assert all(counted(3, noun).chinese.startswith("3 ") for noun in COUNTED)


def test_braces_in_names_are_no_places() -> None:
    assert say("Evidence for {}", "{0} {x}").chinese == "支持“{0} {x}”的区域"


def test_text_is_escaped_in_both_languages() -> None:
    evil = '"><script>&'
    said = say("Image of {}", evil)
    assert escape(said) == Markup(
        '<span data-zh="“&#34;&gt;&lt;script&gt;&amp;”的图片">Image of &#34;&gt;&lt;script&gt;&amp;</span>'
    )
    assert words.attribute("alt", said) == Markup(
        'alt="Image of &#34;&gt;&lt;script&gt;&amp;" data-zh-alt="“&#34;&gt;&lt;script&gt;&amp;”的图片"'
    )
    assert words.attribute("alt", "plain") == 'alt="plain"'
    assert escape(Text("same", "same")) == "same"


def reasons() -> list[str]:
    """Why a file cannot be used."""
    own = ("MISSING", "NO_PERMISSION", "NOT_A_FILE", "UNREADABLE", "NO_MEMORY", "ZERO_BYTES", "NOT_AN_IMAGE")
    own += ("BAD_HEADER", "TRUNCATED", "DAMAGED", "TOO_LARGE", "UNSUPPORTED_COLOURS")
    return [*(getattr(decoding, name) for name in own), NEEDS_PILLOW_HEIF, NEEDS_PILLOW_WITH_AVIF]


def doubts() -> list[str]:
    """What is said of networks that know too little."""
    labels, few = np.arange(20) % 4, np.arange(2)
    good, bad = competence(0, labels, np.ones(20, bool), 4), competence(1, labels, np.arange(20) < 6, 4)
    unproved, unmeasured = competence(2, few, np.ones(2, bool), 2), competence(3, few[:0], np.ones(0, bool), 2)
    cases = ([bad], [bad, good], [bad, bad], [unproved], [unmeasured], [good, bad, bad])
    return [said for judges in cases for left in (1, 12) if (said := competence_warning(judges, left))]


def shortfalls_of_all_kinds() -> list[str]:
    steps = {"elapsed_s": 60.0, "steps_per_epoch": 8, "batch_size": 4}
    short = shortfalls(steps=1, max_minutes=0.5, val_images=9, **steps)
    return [*short, *shortfalls(steps=3, max_minutes=None, val_images=0, **steps)]


def of_rules() -> list[str]:
    return [text for rule in RULES.values() for text in (rule.words, rule.title, rule.note)]


def of_features() -> list[str]:
    fields = [
        ("mean", float, 3),
        ("luma", float),
        ("contrast", float),
        ("blur", float),
        ("tilt", float),
        ("askew", float),
        ("height", int),
        ("width", int),
    ]
    return list(shift_features(np.ones(1, fields)))


def of_findings() -> list[str]:
    """What is said of kinds of findings in a gallery, and of their figures."""
    figures = ["taken_for_other", "other_taken_for_it", "expected_errors", "likeness", "likeness_within", "difference"]
    figures += ["likeness_to_other", "deviations", "photos", *MEASURES]
    said = [text for kind in KINDS.values() for text in (kind.title, kind.advice)]
    return [*said, *(figure.replace("_", " ") for figure in figures if figure not in ("luma", "entropy"))]


@pytest.mark.parametrize(
    "of", [reasons, doubts, shortfalls_of_all_kinds, of_rules, of_features, of_findings, lambda: list(ODDITIES)]
)
def test_what_other_rooms_say_is_known(of) -> None:
    for text in of():
        found = translated(text)
        assert found == text
        assert found.chinese != text, text
        left = re.sub(r"pillow-heif|pip install \S+ ?\S*|Pillow|epochs?", "", found.chinese)
        assert not re.search(r"[A-Za-z]{3,} [a-z]{2,}", left), found.chinese


def test_notes_on_a_folder_are_known(tmp_path, encode, make_photo) -> None:
    photo = encode(make_photo(0, 40, 40))
    for place in ("a/1.jpg", "a/2.jpg", "a/deep/3.jpg", "a/other/4.jpg", "b/1.jpg", "loose.jpg", "a/notes.txt"):
        file = tmp_path / "data" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(photo)
    (tmp_path / "data" / "empty").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "5.jpg").write_bytes(photo)
    (tmp_path / "data" / "a" / "linked").symlink_to(tmp_path / "outside")
    (tmp_path / "data" / "b" / "6.jpg").symlink_to(tmp_path / "outside" / "5.jpg")
    (tmp_path / "data" / "b" / "round").symlink_to(tmp_path / "data")
    notes = folder_catalog(tmp_path / "data").notes
    assert len(notes) >= 8
    assert [note for note in notes if translated(note).chinese == note] == []


def test_notes_on_shards_are_known(tmp_path) -> None:
    notes = ClassNames(["1", "10", *"23456789"]).notes
    for count in (1, 2):
        notes += note_results([tmp_path / f"cache-{number}.arrow" for number in range(count)], tmp_path)
    write_checksums(tmp_path, {"0.tar": "0" * 64})
    for count in (2, 3):
        notes += note_unlisted([tmp_path / f"{number}.tar" for number in range(count)], tmp_path)
    assert len(notes) == 5
    assert [note for note in notes if translated(note).chinese == note] == []

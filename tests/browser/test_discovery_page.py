"""The page of a discovery in Chromium: a group is enrolled, merged or discarded, and the gallery has it at once."""

from __future__ import annotations

import hashlib
import signal

import numpy as np
import pytest
from PIL import Image, ImageDraw

from shelfmind.gallery.discovery_folder import (
    CHANGED,
    NEW,
    PAGE,
    Discovery,
    FoundPhoto,
    Group,
    Nearest,
    write_discovery,
)
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.pages.discovery_report import write_discovery_page
from shelfmind.progress import count_silently

ENTER, ESCAPE = "\ue007", "\ue00c"
IDENTITY = {"weights": "first", "width": 8}


class Fixed:
    """Vectors by the photos' order; nothing is recognised here."""

    identity = IDENTITY

    def embed(self, photos, total):
        rows = np.random.default_rng(0).standard_normal((len(list(photos)), 8)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def draw(path, hue, text):
    """A bottle with a label."""
    path.parent.mkdir(exist_ok=True, parents=True)
    image = Image.new("HSV", (180, 260), (hue, 40, 235))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((50, 40, 130, 240), 20, fill=(hue, 200, 190))
    pen.rectangle((70, 10, 110, 40), fill=(hue, 220, 120))
    pen.rectangle((55, 110, 125, 170), fill=(0, 0, 250))
    pen.text((60, 130), text, fill=(0, 0, 0))
    image.convert("RGB").save(path)
    return path


@pytest.fixture
def discovery(tmp_path):
    """A gallery of three products, and a discovery of four groups beside it."""
    files = LocalFiles(tmp_path / "商品库")
    by = Attribution("王", "")
    gallery = Gallery.create(files, Fixed(), by)
    products = {"可乐 330ml": 0, "雪碧 500ml": 80, "芬达 橙味": 25}
    photos = [
        Photo(name, f"{n}.png", draw(tmp_path / "enrolled" / f"{hue}-{n}.png", hue, f"{hue} {n}"))
        for name, hue in products.items()
        for n in range(3)
    ]
    gallery.add(photos, Fixed(), by)
    groups = []
    nearest = [
        ("雪碧 500ml", 0.61, NEW, 15),
        ("可乐 330ml", 0.83, CHANGED, 6),
        ("芬达 橙味", 0.44, NEW, 3),
        (None, 0, NEW, 2),
    ]
    for number, (sku, similarity, kind, count) in enumerate(nearest, start=1):
        paths = [draw(tmp_path / "新照片" / f"{number}-{n}.png", 45 * number, f"new {n}") for n in range(count)]
        shas = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
        reference = next(iter(gallery.state.photos_of(sku))) if sku else ""
        beside = Nearest(sku, similarity, reference) if sku else None
        found = tuple(FoundPhoto(str(path), sha256, beside) for path, sha256 in zip(paths, shas, strict=True))
        groups.append(Group(number, kind, 0.87, beside, found))
    vectors = Fixed().embed(range(26), 26)
    folder = tmp_path / "discovery"
    folder.mkdir()
    bad = ((str(tmp_path / "新照片" / "坏.jpg"), "truncated"),)
    made = Discovery(str(tmp_path / "商品库"), IDENTITY, {}, tuple(groups), (), groups[3].photos, bad, vectors)
    write_discovery(folder, made)
    write_discovery_page(folder / PAGE, made, gallery, count_silently)
    return folder, files


def products(files):
    state = Gallery(files).state
    return {sku: len(photos) for sku, photos in state.products.items()}


BEFORE = {"可乐 330ml": 3, "雪碧 500ml": 3, "芬达 橙味": 3}


def test_groups_are_enrolled_merged_and_discarded_by_keyboard(page, start, discovery):
    folder, files = discovery
    review = start(audit=folder, log=folder / "review.jsonl")
    page.open(review)
    card = "article[data-number='0']"
    assert page.text("h1 span") == "New products"
    assert page.text(f"{card} .split") == "15 photos"
    assert len(page.all(f"{card} .many img")) == 12
    assert page.text(f"{card} .suggestion .name") == "雪碧 500ml"
    page.screenshot("discovery-en")

    page.press("e")
    page.wait(lambda: page.run("return document.activeElement.id === 'query'"))
    page.press("七喜 330ml", ENTER)
    page.wait(lambda: page.text("#progress") == "1 of 4 decided")
    assert products(files) == {**BEFORE, "七喜 330ml": 15}

    page.wait(lambda: page.current == 1)
    page.press("a")
    page.wait(lambda: page.text("#progress") == "2 of 4 decided")
    assert products(files)["可乐 330ml"] == 9
    page.press("d")
    page.wait(lambda: page.text("#progress") == "3 of 4 decided")
    assert review.decisions == [("relabel", "七喜 330ml"), ("relabel", "可乐 330ml"), ("drop", None)]
    page.press("u", "u")
    page.wait(lambda: page.text("#progress") == "1 of 4 decided")
    assert products(files) == {**BEFORE, "七喜 330ml": 15}

    page.driver.refresh()
    page.wait(lambda: page.text("#progress") == "1 of 4 decided")
    page.wait(lambda: page.texts(f"{card} .badge") == ["enrolled as 七喜 330ml by you"])
    page.press("u")
    page.wait(lambda: page.text("#progress") == "0 of 4 decided")
    assert products(files) == BEFORE


def test_a_reviewer_reads_it_in_chinese_and_a_refusal_is_told(page, start, discovery):
    folder, files = discovery
    for path in (folder.parent / "新照片").glob("1-*"):
        path.unlink()
    page.expected_complaints = ["404", "500"]
    page.open(start("--lang", "zh", audit=folder, log=folder / "review.jsonl"))
    assert page.text("h1 span") == "新商品"
    assert page.text("article[data-number='1'] .chip") == "包装有变化？"
    page.press("a")
    page.wait(lambda: "请重新运行 gallery discover" in page.text("#alarm"))
    assert products(files) == BEFORE
    page.press("j", "j", "e")
    page.wait(lambda: page.run("return document.activeElement.id === 'query'"))
    page.press("七喜 330ml", ENTER)
    few = "“七喜 330ml”只有 2 张照片，增至 5 张以上识别会可靠得多"
    copies = "“七喜 330ml”的 4-0.png、4-1.png 是近似重复照片"
    page.wait(lambda: page.text("#alarm") == f"已执行，但有警告：{few}；{copies}")
    page.screenshot("discovery-zh")
    page.size(420, 900)
    page.run("scrollTo(0, 600)")
    page.screenshot("discovery-zh-narrow")


def test_a_review_that_is_killed_has_enrolled_what_it_said(page, start, discovery):
    folder, files = discovery
    review = start(audit=folder, log=folder / "review.jsonl")
    page.open(review)
    page.press("a")
    page.wait(lambda: page.text("#progress") == "1 of 4 decided")
    review.stop(signal.SIGKILL)
    assert products(files) == {**BEFORE, "雪碧 500ml": 18}
    again = start(audit=folder, log=folder / "review.jsonl")
    page.expected_complaints = ["net::ERR_"]
    page.open(again)
    assert page.text("#progress") == "1 of 4 decided"
    assert len(Gallery(files).state.history) == 3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_to_send_around_shows_groups_beside_products(page, discovery, language):
    page.driver.get(f"{(discovery[0] / PAGE).as_uri()}?lang={language}")
    titles = {
        "en": ["New products?", "Changed packaging?", "Not in a group"],
        "zh": ["新商品？", "包装有变化？", "不在任何组中"],
    }
    assert page.texts("h2") == titles[language]
    assert len(page.all("#new li.card")) == 3
    assert len(page.all("#new li.card:first-child img")) == 6
    assert page.run("return [...document.images].every((each) => each.naturalWidth > 30)")
    page.screenshot(f"discovery-page-{language}")

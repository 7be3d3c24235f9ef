"""A report in a real browser: it speaks the reader's language, remembers a choice, sorts and filters, and prints."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.evaluation import evaluate
from shelfmind.pages.evaluation_report import write_evaluation_report
from shelfmind.records import Predictions

NAMES = ("可乐 330ml", "雪碧 500ml", "酱油", "蜂蜜", "茶", "others")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 300 images, three of four right, by a network that is too sure."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, 300)
    guesses = np.where(rng.random(300) < 0.75, labels, rng.integers(0, 6, 300))
    probabilities = np.full((300, 6), 0.01, np.float32)
    probabilities[np.arange(300), guesses] = rng.uniform(0.86, 0.99, 300)
    probabilities /= probabilities.sum(1, keepdims=True)
    paths = tuple(f"/照片/{number}.jpg" for number in range(300))
    predictions = Predictions(paths, labels, probabilities, np.zeros((300, 1), np.float32), NAMES)
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_evaluation_report(
        path,
        name="first",
        data="photos",
        recipe_text="",
        history=[{"epoch": 1, "train_loss": 1.0}, {"epoch": 2, "train_loss": 0.5}],
        evaluation=evaluate(predictions, np.array([150, 90, 60, 30, 12, 3]), split="test"),
        predictions=predictions,
        train_counts=np.array([150, 90, 60, 30, 12, 3]),
        calibrating=("shelfmind", "calibrate", "runs/first", "photos"),
    )
    return path


@pytest.fixture
def show(page: Any, report: Path) -> Callable[..., None]:
    """Open the report in a browser of this language, which has forgotten every choice."""

    def open_report(language: str, query: str = "", *, forget: bool = True) -> None:
        page.driver.execute_cdp_cmd("Network.setUserAgentOverride", {"userAgent": "x", "acceptLanguage": language})
        page.driver.get(report.as_uri() + query)
        if forget:
            page.run("localStorage.clear()")
            page.driver.get(report.as_uri() + query)

    return open_report


def heading(page: Any) -> tuple[str, str, str]:
    """The page's language, title and heading."""
    return page.run("return document.documentElement.lang"), page.driver.title, page.text("h1")


ENGLISH = ("en", "first on photos: test", "first on photos: test")
CHINESE = ("zh-CN", "first 在 photos 上的评估：测试集", "first 在 photos 上的评估：测试集")


@pytest.mark.parametrize(
    ("language", "found"), [("en-GB", ENGLISH), ("zh-CN,zh", CHINESE), ("zh-TW,en", CHINESE), ("fr-FR,fr", ENGLISH)]
)
def test_it_speaks_the_language_of_the_browser(language: str, found: tuple[str, ...], page: Any, show: Any) -> None:
    show(language)
    assert heading(page) == found


def test_the_address_may_name_the_language(page: Any, show: Any) -> None:
    show("en-GB", "?lang=zh")
    assert heading(page) == CHINESE
    show("zh-CN,zh", "?lang=en")
    assert heading(page) == ENGLISH


def test_a_choice_is_made_by_the_button_and_remembered(page: Any, show: Any) -> None:
    show("en-GB")
    assert page.text("#language") == "中文"
    chart, said = "svg[role=img]", "return document.querySelector('.chart svg[role=img]').getAttribute('aria-label')"
    assert page.run(said) == "Loss by epoch"
    page.click("#language")
    assert heading(page) == CHINESE
    assert page.run(said) == "各轮的损失"
    assert page.text("#language") == "English"
    assert "训练图片多于 100 张" in page.text("main")
    assert page.run("return document.querySelector('.filter').placeholder") == "按名称筛选"
    assert "模型过于自信" in page.text("#confidence")
    show("en-GB", forget=False)
    assert heading(page) == CHINESE
    page.click("#language")
    assert heading(page) == ENGLISH
    assert page.run(said) == "Loss by epoch"
    assert page.all(chart)


@pytest.mark.parametrize(("language", "place"), [("en-GB", "en"), ("zh-CN,zh", "zh")])
def test_tables_sort_and_filter_in_either_language(language: str, place: str, page: Any, show: Any) -> None:
    show(language)
    names = "#errors-table tbody tr:not([hidden]) td:first-child"
    errors = page.texts(names)
    assert len(errors) > 40
    page.run("document.querySelectorAll('#errors-table th')[0].click()")
    assert page.texts(names) == sorted(errors) != errors
    page.run(
        "const box = document.querySelector('input[data-table=errors-table]');"
        "box.value = '酱油'; box.dispatchEvent(new Event('input'));"
    )
    shown = page.texts("#errors-table tbody tr:not([hidden])")
    assert 0 < len(shown) < len(errors)
    assert all("酱油" in row for row in shown)
    page.screenshot(f"report_{place}")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_nothing_sticks_out_of_a_small_or_a_dark_window(width: int, scheme: str, page: Any, show: Any) -> None:
    page.size(width, 844)
    page.scheme(scheme)
    show("zh-CN,zh")
    assert page.run("return document.documentElement.scrollWidth") <= width
    page.screenshot(f"report_{width}_{scheme}")


@pytest.mark.parametrize("language", ["en-GB", "zh-CN,zh"])
def test_it_is_printed_without_buttons_in_the_language_shown(language: str, page: Any, show: Any) -> None:
    show(language)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    hidden = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert [page.run(hidden, place) for place in ("#language", "nav", ".filter")] == ["none"] * 3
    printed = page.driver.execute_cdp_cmd("Page.printToPDF", {"paperWidth": 8.27, "paperHeight": 11.69})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})

"""The review page as a person meets it: in Chromium, by keyboard and by mouse, in English and Chinese."""

from __future__ import annotations

import json
import shutil
import signal

import pytest
from PIL import Image

from shelfmind.analysis.suspects import Suspect

ESCAPE, ENTER, DOWN, UP, END, TAB = "\ue00c", "\ue007", "\ue015", "\ue013", "\ue010", "\ue004"


def suspects(audit):
    return [json.loads(line) for line in (audit / "suspects.jsonl").read_text(encoding="utf-8").splitlines()]


def contents(root):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


# What is shown


def test_a_card_shows_the_suspect_its_label_and_the_suggestion_with_pictures(page, start, audited):
    page.open(start())
    first = suspects(audited[1])[0]
    card = "article[data-number='0']"
    assert page.texts(f"{card} .name") == [first["given"], first["suggested"]]
    assert page.text(f"{card} .detail") == first["detail"]
    assert page.text(f"{card} .path") == first["path"]
    assert page.text(f"{card} .score").endswith("100%")
    assert len(page.all(f"{card} .side:not(.suggestion) img")) == len(first["given_neighbours"])
    assert len(page.all(f"{card} .suggestion img")) == len(first["neighbours"])
    widths = page.run(
        "return [...document.querySelectorAll(arguments[0])].map((each) => each.naturalWidth)", f"{card} img"
    )
    assert len(widths) == 8
    assert min(widths) > 30
    page.screenshot("review-en-light")


def test_a_suspect_without_a_suggestion_has_no_button_for_it(page, start, audited):
    page.open(start())
    number = next(place for place, each in enumerate(suspects(audited[1])) if each["suggested"] is None)
    page.press(*["j"] * number)
    assert page.current == number
    assert not page.all("article.current .accept")
    page.press("a")
    page.wait(lambda: "no suggestion" in page.text("#said"))


def test_a_leak_shows_its_copies(page, start, audited, auditing, tmp_path):
    first, second = sorted(path.relative_to(audited[0]).as_posix() for path in audited[0].rglob("*.jpg"))[:2]
    suspect = Suspect(first, "train", "a", None, "leak", 0.9, "same pixels as an image in test", (second,))
    page.open(start(audit=auditing.write_audit(tmp_path / "audit", audited[0], ["a", "b"], [suspect])))
    assert page.texts("article .suggestion h3") == ["Near-duplicates"]
    assert page.texts("article .suggestion .note") == ["nearly identical images"]
    assert len(page.all("article .suggestion img")) == 1
    assert not page.all("article .accept")


def test_a_picture_is_enlarged_by_key_and_by_mouse(page, start):
    page.open(start())
    page.press(ENTER)
    page.wait(lambda: page.run("return document.querySelector('#viewer img').naturalWidth > 30"))
    page.press(ESCAPE)
    assert page.current == 0
    page.click("article.current .suggestion .picture")
    assert page.run("return document.querySelector('#viewer').open")


def test_an_image_that_cannot_be_opened_says_so(page, start, audited, auditing, tmp_path):
    shutil.copytree(audited[0], tmp_path / "data")
    given, suggested = sorted(path.name for path in (tmp_path / "data" / "train").iterdir())[:2]
    broken = min((tmp_path / "data" / "train" / given).iterdir())
    broken.write_bytes(b"no image")
    suspect = Suspect(f"train/{given}/{broken.name}", "train", given, suggested, "quality", 0.5)
    page.expected_complaints = ["404"]
    page.open(start(audit=auditing.write_audit(tmp_path / "audit", tmp_path / "data", [given, suggested], [suspect])))
    page.wait(lambda: page.text("article .suspect") == "cannot be opened")


def test_without_suspects_it_says_so(page, start, audited, auditing, tmp_path):
    review = start(audit=auditing.write_audit(tmp_path / "audit", audited[0], ["a", "b"], []))
    page.driver.get(review.address)
    page.wait(lambda: page.text("#nothing") == "No suspects. There is nothing to review.")
    page.press("k", "j", "u", "?", ESCAPE)
    assert review.decisions == []


# Deciding by keyboard


def test_each_key_does_what_the_help_says_and_the_data_set_stays_as_it_is(page, start, audited):
    before = contents(audited[0])
    review = start()
    page.open(review)
    every = suspects(audited[1])
    assert page.current == 0
    page.press("k", "a")
    page.wait(lambda: len(review.decisions) == 2)
    page.press("o", "d")
    page.wait(lambda: len(review.decisions) == 4)
    assert review.decisions == [("keep", None), ("relabel", every[1]["suggested"]), ("others", None), ("drop", None)]
    assert [line["path"] for line in review.lines] == [each["path"] for each in every[:4]]
    assert {line["reviewer"] for line in review.lines} == {"王"}
    page.wait(lambda: page.text("#progress") == "4 of 18 decided")
    assert page.current == 4
    page.press(UP)
    assert page.current == 3
    page.wait(lambda: page.texts("article.current .badge") == ["dropped by you"])
    page.screenshot("review-decided")
    page.press("u")
    page.wait(lambda: page.text("#progress") == "3 of 18 decided")
    assert review.lines[-1]["undoes"] == review.lines[3]["id"]
    assert page.current == 3
    page.wait(lambda: not page.all("article.current .badge"))
    page.press("u", "u", "u")
    page.wait(lambda: page.text("#progress") == "0 of 18 decided")
    page.press("u")
    page.wait(lambda: "no decision to undo" in page.text("#said"))
    assert contents(audited[0]) == before


def test_moving_by_keyboard(page, start):
    page.open(start())
    page.press("j", "j", DOWN)
    assert page.current == 3
    page.press(UP)
    assert page.current == 2
    page.press(END)
    assert page.current == 17
    page.press("j")
    assert page.current == 17
    page.press("k")
    page.wait(lambda: page.current == 0)  # the first that is undecided
    page.press("K")
    page.wait(lambda: page.text("#progress") == "2 of 18 decided")
    page.press(UP, "n")
    assert page.current == 1


def test_keys_of_the_browser_are_left_alone(page, start):
    review = start()
    page.open(review)
    page.run(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'd', ctrlKey: true, bubbles: true}))"
    )
    page.run(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'd', metaKey: true, bubbles: true}))"
    )
    page.press("k")
    page.wait(lambda: review.decisions)
    assert review.decisions == [("keep", None)]


def test_help_lists_the_keys_and_gives_the_focus_back(page, start):
    page.open(start())
    page.press("j", "?")
    assert page.run("return document.querySelector('#keys').open")
    assert {"K", "R", "D", "O", "U", "/", "?"} <= set(page.texts("#keys kbd"))
    page.press("k")  # a dialog is open: no decision
    page.screenshot("keys")
    page.press(ESCAPE)
    assert page.current == 1
    assert page.text("#progress") == "0 of 18 decided"


def test_the_focus_can_be_seen_and_everything_has_a_name(page, start):
    page.open(start())
    page.press(TAB)
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    for element in page.all("button, input, select, [role=progressbar], [role=feed] > article"):
        if element.is_displayed():
            assert element.accessible_name.strip(), element.get_attribute("outerHTML")
    places = page.run(
        "return [...document.querySelectorAll('article')].map((each) => [each.ariaPosInSet, each.ariaSetSize])"
    )
    assert places[:2] == [["1", "18"], ["2", "18"]]


# Choosing another class


def test_the_chooser_offers_the_suggestion_first_and_finds_classes(page, start, audited):
    review = start()
    page.open(review)
    first = suspects(audited[1])[0]
    page.press("r")
    assert page.text("#choices li").startswith(first["suggested"])
    assert first["given"] not in page.texts("#choices li")
    page.wait(lambda: page.all("#choice-pictures img"))
    page.screenshot("chooser")
    wanted = page.texts("#choices li")[-1]
    page.press(wanted[-6:])
    page.wait(lambda: wanted in page.texts("#choices li"))
    place = page.texts("#choices li").index(wanted)
    page.press(*[DOWN] * place, ENTER)
    page.wait(lambda: review.decisions)
    assert review.decisions == [("relabel", wanted)]
    assert page.current == 1


def test_the_chooser_takes_a_new_class_and_can_be_left(page, start):
    review = start()
    page.open(review)
    page.press("r", "新品 1L", ESCAPE)
    assert page.current == 0
    assert review.decisions == []
    page.press("r", "新品 1L")
    assert page.texts("#choices li") == ["New class “新品 1L”"]
    page.press(ENTER)
    page.wait(lambda: page.text("#progress") == "1 of 18 decided")
    assert review.decisions == [("relabel", "新品 1L")]
    page.press("r", "新品")
    assert page.texts("#choices li")[0].startswith("新品 1L")


def test_enter_that_ends_a_word_of_an_input_method_does_not_choose(page, start):
    review = start()
    page.open(review)
    page.press("r")
    page.run(
        "document.querySelector('#query').dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    assert page.run("return document.querySelector('#chooser').open")
    assert review.decisions == []


# By mouse


def test_everything_can_be_done_by_mouse(page, start, audited):
    review = start()
    page.open(review)
    page.click("article.current .accept")
    page.wait(lambda: len(review.decisions) == 1)
    page.wait(lambda: page.current == 1)
    page.click("article.current .relabel")
    page.click("#choices li:nth-child(2)")
    page.wait(lambda: len(review.decisions) == 2)
    page.wait(lambda: page.current == 2)
    page.click("article.current .drop")
    page.wait(lambda: page.current == 3)
    page.press(UP)
    page.wait(lambda: page.all("article.current .back"))
    page.click("article.current .back")
    page.wait(lambda: page.text("#progress") == "2 of 18 decided")
    page.click("#undo")
    page.wait(lambda: page.text("#progress") == "1 of 18 decided")
    assert [decision for decision, _ in review.decisions] == ["relabel", "relabel", "drop", None, None]


# Filters


def test_filter_by_class_kind_and_what_is_open(page, start, audited):
    page.open(start())
    every = suspects(audited[1])
    name = every[0]["given"]
    page.press("/")
    page.press(name)
    expected = [place for place, each in enumerate(every) if name in (each["given"], each["suggested"])]
    page.wait(lambda: page.text("#shown") == f"{len(expected)} shown")
    page.press(ESCAPE)  # clears the filter
    page.wait(lambda: page.text("#shown") == "18 shown")
    page.choose("#kind", "conflict")
    assert page.text("#shown") == f"{sum(each['kind'] == 'conflict' for each in every)} shown"
    page.choose("#kind", "")
    page.press(ESCAPE, "k")  # a list takes letters itself
    page.wait(lambda: page.text("#progress") == "1 of 18 decided")
    page.click("#undecided")
    page.wait(lambda: page.text("#shown") == "17 shown")
    page.press(ESCAPE)
    page.wait(lambda: page.current == 1)
    page.press("k")
    page.wait(lambda: page.text("#shown") == "16 shown" and page.current == 2)
    page.press("u")
    page.wait(lambda: page.text("#shown") == "17 shown" and page.current == 1)


def test_when_all_is_decided_it_says_what_comes_next(page, start, audited, auditing, tmp_path):
    audit = auditing.write_audit(tmp_path / "audit", audited[0], ["a", "b"], auditing.suspects_of(audited[0], 2))
    page.open(start(audit=audit))
    page.click("#undecided")
    page.press(ESCAPE, "k", "d")
    page.wait(lambda: page.text("#progress") == "2 of 2 decided")
    page.click("#undecided")
    page.click("#undecided")
    page.wait(lambda: "shelfmind prepare" in page.text("#nothing"))


# Many suspects, many classes


def test_twenty_thousand_suspects_and_all_classes_of_rp2k(page, start, audited, auditing, tmp_path):
    paths = sorted(path.relative_to(audited[0]).as_posix() for path in audited[0].rglob("*.jpg"))
    names = [f"商品{number:04d} 型号{number % 7}" for number in range(2388)]
    many = [
        Suspect(
            paths[number % len(paths)] if number < len(paths) else f"gone/{number}.jpg",
            "train",
            names[number % 2388],
            names[(7 * number + 1) % 2388],
            "label",
            1 - number / 20_000,
        )
        for number in range(20_000)
    ]
    page.expected_complaints = ["404"]
    review = start(audit=auditing.write_audit(tmp_path / "audit", audited[0], names, many))
    page.open(review)
    page.press(END)
    page.wait(lambda: page.current == 19_999)
    assert len(page.all("article")) < 30
    page.press("k")
    page.wait(lambda: review.decisions and page.current == 0)
    page.press("r", "型号3 2385")
    assert page.texts("#choices li") == ["New class “型号3 2385”"]
    page.run("document.querySelector('#query').value = ''")
    page.press("2385")
    page.wait(lambda: page.texts("#choices li")[0] == "商品2385 型号5")
    page.press(ENTER)
    page.wait(lambda: review.decisions[-1] == ("relabel", "商品2385 型号5"))
    page.press("/", "商品0005")
    page.wait(lambda: 5 < int(page.text("#shown").split()[0]) < 30)


CARDS = """
const real = window.fetch;
window.held = [];
window.fetch = async (path, options) => {
  if (`${path}`.startsWith("/api/cards")) await new Promise((go, fail) => window.held.push({ go, fail }));
  return real(path, options);
};
"""


@pytest.fixture
def held(page):
    """Requests for cards wait until the test lets them `go` or `fail`."""
    script = page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": CARDS})
    yield lambda: page.run("return held.length")
    page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_cards_that_are_built_during_a_request_are_completed(page, start, held):
    page.driver.get(start().address)
    page.wait(lambda: held() == 1)
    page.press(END)
    page.wait(lambda: page.current == 17)
    assert not page.all("article .split")
    page.run("held[0].go()")
    page.wait(lambda: held() == 2)
    page.run("held[1].go()")
    page.wait(lambda: 0 < len(page.all("article")) == len(page.all("article .split")))


def test_a_request_for_cards_that_fails_is_repeated(page, start, held):
    page.driver.get(start().address)
    page.wait(lambda: held() == 1)
    page.run("held[0].fail()")
    page.wait(lambda: "not responding" in page.text("#alarm"))
    page.wait(lambda: held() == 2)
    page.run("held[1].go()")
    page.wait(lambda: 0 < len(page.all("article")) == len(page.all("article .split")))
    assert not page.one("#alarm").is_displayed()


# Several reviewers, crashes


def test_what_another_reviewer_decides_appears_and_contradictions_are_marked(page, start, tmp_path):
    review = start()
    page.open(review)
    other = start(reviewer="李")
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open(other)
    page.press("d")
    page.wait(lambda: len(other.decisions) == 1)
    page.driver.close()
    page.driver.switch_to.window(first)
    page.wait(lambda: page.texts("article[data-number='0'] .badge") == ["dropped by 李"])
    assert page.current == 0
    page.press("k")
    page.wait(
        lambda: (
            page.texts("article[data-number='0'] .badge")
            == ["Reviewers disagree", "dropped by 李", "label kept by you"]
        )
    )
    page.press(UP)
    page.screenshot("review-disagreement")
    page.press("u")
    page.wait(lambda: page.texts("article[data-number='0'] .badge") == ["dropped by 李"])


def test_after_a_crash_nothing_that_was_confirmed_is_lost(page, start):
    review = start()
    page.open(review)
    page.press("k", "d")
    page.wait(lambda: page.text("#progress") == "2 of 18 decided")
    review.stop(signal.SIGKILL)
    page.expected_complaints = ["net::ERR_"]
    page.press("d")
    page.wait(lambda: "Not saved" in page.text("#alarm") or "not responding" in page.text("#alarm"))
    page.wait(lambda: not page.all("article .saving"))
    assert [decision for decision, _ in review.decisions] == ["keep", "drop"]
    page.screenshot("review-server-gone")
    again = start()
    page.open(again)
    assert page.text("#progress") == "2 of 18 decided"
    assert page.current == 2


def test_a_page_of_an_earlier_review_decides_nothing(page, start):
    earlier = start()
    page.open(earlier)
    earlier.stop()
    page.expected_complaints = ["net::ERR_", "409"]
    later = start("--port", earlier.address.split(":")[2].split("/")[0])
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.open(later)
    page.driver.close()
    page.driver.switch_to.window(first)
    page.press("k")
    page.wait(lambda: "belongs to an earlier review" in page.text("#alarm"))
    assert later.decisions == []


def test_a_reload_shows_what_was_decided(page, start):
    review = start()
    page.open(review)
    page.press("k")
    page.wait(lambda: page.text("#progress") == "1 of 18 decided")
    page.driver.refresh()
    page.wait(lambda: page.text("#progress") == "1 of 18 decided")
    page.wait(lambda: page.current == 1)
    assert "token" not in page.driver.current_url


# Languages, sizes, colours


def test_the_language_can_be_switched_and_is_remembered(page, start):
    page.open(start())
    assert page.run("return document.documentElement.lang") == "en"
    page.click("#language")
    assert page.run("return document.documentElement.lang") == "zh-CN"
    assert page.text("article.current .keep").startswith("保留")
    assert page.text("#progress") == "已处理 0 / 18"
    page.press("k")
    page.driver.refresh()
    page.wait(lambda: page.text("#progress") == "已处理 1 / 18")
    page.click("#language")
    page.wait(lambda: page.text("#progress") == "1 of 18 decided")


def test_the_command_can_say_the_language_and_nothing_english_is_left(page, start, audited):
    page.open(start("--lang", "zh"))
    own = "#bar, article header .chip, article h3, article .note, article footer, #keys h2, #keys dd, #keys p"
    words = " ".join(page.texts(f"{own}, article .detail")).replace("English", "").replace("shelfmind prepare", "")
    for known in ("商品 照片", *(each["given"] for each in suspects(audited[1]))):
        words = words.replace(known, "")
    assert "标签复核" in words
    assert not [
        word for word in words.split() if word.isascii() and word.isalpha() and len(word) > 1 and word != "Enter"
    ]


WINDOWS = [(1600, 1000), (1024, 768), (390, 844), (320, 640)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_fits_every_window_and_can_be_read_in_light_and_dark(page, start, language):
    page.size(*WINDOWS[0])
    page.open(start("--lang", language))
    page.press("k", "d", UP)
    page.wait(lambda: len(page.all("article .badge")) == 2)
    for width, height in WINDOWS:
        page.size(width, height)
        page.wait(lambda width=width: page.run("return innerWidth") == width)
        assert_it_fits_and_can_be_read(page, f"review-{language}", width)


def assert_it_fits_and_can_be_read(page, name, width):
    assert page.run("return document.documentElement.scrollWidth <= innerWidth")
    overflowing = page.run(
        "return [...document.querySelectorAll('article.current > *, article.current button')].filter((each) => {"
        "  const card = each.closest('article').getBoundingClientRect(), box = each.getBoundingClientRect();"
        "  return box.bottom > card.bottom + 1 || box.right > card.right + 1; })"
        ".map((each) => each.className || each.tagName)"
    )
    assert overflowing == []
    heights = page.run(
        "return [...document.querySelectorAll('article.current .side img')].map((each) => each.clientHeight)"
    )
    assert len(heights) == 7
    assert min(heights) >= 40
    for scheme in ("light", "dark"):
        page.scheme(scheme)
        assert page.run(LOW_CONTRAST) == []
        page.screenshot(f"{name}-{scheme}-{width}")


LOW_CONTRAST = """
const parse = (text) => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + under[i] * (1 - a)); };
const behind = (element) => {
  const layers = [];
  for (let each = element; each; each = each.parentElement) layers.push(parse(getComputedStyle(each).backgroundColor));
  return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
};
const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const light = (colour) => colour.map((value) => linear(value / 255))
  .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
const low = [];
for (const element of document.querySelectorAll("#bar *, article:not(.decided) *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.getClientRects().length || element.closest("option, .hidden, datalist")) continue;
  const back = behind(element), [one, other] = [light(over(parse(getComputedStyle(element).color), back)), light(back)];
  const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (ratio < 4.5) low.push(`${element.tagName}.${element.className} ${element.textContent} ${ratio.toFixed(2)}`);
}
return low;
"""


# Safety


def test_nothing_is_asked_of_any_other_machine(page, start):
    review = start()
    page.open(review)
    origin = review.address.split("/?")[0]
    asked = page.run("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert len(asked) > 10
    assert [each for each in asked if not each.startswith(f"{origin}/")] == []


def test_names_are_text_whatever_they_hold(page, start, auditing, tmp_path):
    root = tmp_path / "data"
    evil = "<img src=x onerror=document.title='owned'>{0}"
    names = [evil.replace("/", "_"), "b\udce9&amp;", "c"]
    for name in names:
        (root / "train" / name).mkdir(parents=True)
        Image.new("RGB", (40, 60), "red").save(root / "train" / name / "a'\"\udcff<b>.jpg")
    suspect = Suspect(f"train/{names[0]}/a'\"\udcff<b>.jpg", "train", names[0], names[1], "<b>", 0.5, "<i>{1}</i>")
    audit = auditing.write_audit(tmp_path / "audit", root, ["c"], [suspect])
    review = start(audit=audit, reviewer="<u>")
    page.open(review)
    assert page.text("article .name") == names[0]
    assert page.text("article .chip") == "<b>"
    assert page.run("return document.querySelector('article .suspect img').naturalWidth") == 40
    page.press("r", names[0][:9])
    page.press(ESCAPE)
    page.press("a")
    page.wait(lambda: review.decisions)
    assert review.decisions == [("relabel", names[1])]
    assert review.lines[0]["path"] == suspect.path
    assert not page.driver.title.startswith("owned")
    assert not page.all("article b, article i, article u")

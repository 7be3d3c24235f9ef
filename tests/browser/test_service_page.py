"""The page of `shelfmind serve` as a person meets it: in Chromium, by mouse, keyboard and finger, in two languages.

One service answers all tests: a tiny network that tells photos by their colour, and a gallery of yellow products.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image, ImageDraw

for package in ("fastapi", "axe_core_python"):
    import_module(package) if os.environ.get("SHELFMIND_BROWSER") == "required" else pytest.importorskip(package)
ESCAPE, ENTER, DELETE, RIGHT, SHIFT = "\ue00c", "\ue007", "\ue017", "\ue014", "\ue008"
RED, GREEN, BLUE, YELLOW, PURPLE = (220, 30, 30), (30, 200, 60), (20, 60, 220), (230, 220, 20), (200, 20, 200)
EVIL = "<img src=x onerror=document.title='owned'> \"é\" 红茶.jpg"


@dataclass
class Service:
    """A running `shelfmind serve`, and the key that lets a person write."""

    address: str
    key: str
    reader: str
    folder: Path
    photo: Callable[..., Path]


@pytest.fixture(scope="module")
def service(tiny: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The one that answers all tests of this file."""
    from shelfmind.serving.keys import add_key

    place = tmp_path_factory.mktemp("service")
    network = tiny.write_network(place / "货架.onnx")
    gallery = tiny.write_gallery(place / "gallery", network)
    key = add_key(place / "state" / "keys.json", "王芳", "write")
    reader = add_key(place / "state" / "keys.json", "till", "read")
    (place / "audit").mkdir()
    (place / "audit" / "report.html").write_text("<title>audit</title><h1>Audit</h1>", encoding="utf-8")

    def photo(name: str, colour: tuple[int, int, int], seed: int = 0) -> Path:
        path = place / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tiny.encoded(colour, seed, size=120))
        return path

    words = [str(Path(sys.executable).with_name("shelfmind")), "serve", str(network), "--engine", "onnx"]
    words += ["--gallery", str(gallery), "--audit", str(place / "audit"), "--max-images", "4"]
    words += ["--port", "0", "--state", str(place / "state")]
    with open(place / "log.txt", "wb") as log:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:"), (place / "log.txt").read_text()
    yield Service(address, key, reader, place, photo)
    process.terminate()
    process.wait(60)
    process.stdout.close()


@dataclass
class Site:
    """The page in a tab."""

    page: Any
    service: Service

    def open(self, place: str = "recognise", language: str = "en", key: str | None = None) -> None:
        """Go to a place; who is not let in yet signs in."""
        self.page.driver.get(f"{self.service.address}/?lang={language}#{place}")
        self.page.wait(lambda: self.page.all("#main h1"))
        if self.page.all("#key"):
            self.sign_in(key or self.service.key)

    def sign_in(self, key: str) -> None:
        self.page.one("#key").send_keys(key + ENTER)
        self.page.wait(lambda: not self.page.all("#key") and self.page.all("#places:not([hidden]) a"))

    def give(self, *paths: Path, to: str = "input.chosen") -> None:
        """Choose files."""
        self.page.one(to).send_keys("\n".join(map(str, paths)))

    def answers(self, count: int) -> list[str]:
        """The headings of so many answers, once all are there."""
        self.page.wait(lambda: len(self.page.all(".answer:not(.waiting)")) == count)
        return list(self.page.texts(".answer h2"))

    def go(self, place: str) -> None:
        self.page.click(f"#places .to-{place}")
        self.page.wait(lambda: self.page.all(f"#places .to-{place}[aria-current]"))

    def rows(self, code: str) -> list[list[str]]:
        """A table that a module of the page makes, as a spreadsheet would read it."""
        script = "const done = arguments[arguments.length - 1]; import('/page/csv.js').then(async ({ csv }) => "
        text = self.page.driver.execute_async_script(f"{script} done(csv(await (async () => {code})())))")
        assert text[0] == "\ufeff"
        return list(csv.reader(io.StringIO(text[1:])))

    def accessible(self, rules: str = "{}") -> list[str]:
        """What axe finds against WCAG 2.1 AA, as sentences."""
        if not self.page.run("return 'axe' in window"):
            self.page.run(AXE.read_text(encoding="utf-8"))
        tags = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'], resultTypes: ['violations'] }"
        found = self.page.driver.execute_async_script(
            f"axe.run(document, Object.assign({tags}, {rules})).then(arguments[arguments.length - 1])"
        )
        return [
            f"{each['id']}: {node['target']} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def overflow(self) -> list[str]:
        """Elements that stand out of the window to the right, though nothing scrolls there."""
        return list(
            self.page.run(
                "return document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('*')]"
                ".filter((each) => each.getBoundingClientRect().right > innerWidth + 1)"
                ".map((each) => `${each.tagName}.${each.className}`)"
            )
        )


AXE = Path(import_module("axe_core_python").__file__ or "").with_name("axe.min.js")


@pytest.fixture
def site(service: Service, tab: Any) -> Site:
    """A tab on the service."""
    return Site(tab, service)


# Letting in


def test_a_key_lets_in_and_its_role_decides_what_is_offered(site, service):
    page = site.page
    page.expected_complaints = ["401"]
    page.driver.get(f"{service.address}/?lang=en#gallery")
    page.wait(lambda: page.all("#main h1"))
    page.driver.delete_all_cookies()
    page.driver.refresh()
    page.wait(lambda: page.all("#key"))
    assert page.run("return document.activeElement.id") == "key"
    assert site.accessible() == []
    page.press("sm_wrong_key" + ENTER)
    page.wait(lambda: "unknown or has been revoked" in page.text(".sign-in .alarm"))
    page.one("#key").clear()
    site.sign_in(service.reader)
    page.wait(lambda: page.all(".tile"))  # the place that was asked for
    assert page.text("#who") == "till · can view"
    assert not page.all(".gallery .primary")
    site.go("recognise")
    site.give(service.photo("a.jpg", RED))
    assert site.answers(1) == ["红茶"]
    assert page.texts(".answer footer button") == ["Why?"]
    assert not page.all(".is-this")
    page.click("#leave")
    page.wait(lambda: page.all("#key"))
    site.sign_in(service.key)
    assert page.text("#who") == "王芳 · can edit"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sign_in_form_can_be_read_and_used_everywhere(site, service, language):
    page = site.page
    page.expected_complaints = ["401"]
    page.driver.get(f"{service.address}/?lang={language}")
    page.driver.delete_all_cookies()
    page.driver.refresh()
    page.wait(lambda: page.all("#key"))
    page.press("sm_wrong_key" + ENTER)
    page.wait(lambda: page.text(".sign-in .alarm"))
    for width, height in ((1280, 900), (390, 844)):
        for scheme in ("light", "dark"):
            page.size(width, height)
            page.scheme(scheme)
            assert site.accessible() == []
            assert site.overflow() == []
            page.screenshot(f"service-sign-in-{language}-{scheme}-{width}")


# Naming photos


def drop(page: Any, *paths: Path) -> None:
    """Files or folders, from outside of the browser."""
    files = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": files})


def test_photos_are_pasted_dropped_and_weighed_together(site, service):
    page = site.page
    site.open()
    page.run(
        "const canvas = Object.assign(document.createElement('canvas'), { width: 120, height: 120 });"
        "const pen = canvas.getContext('2d'); pen.fillStyle = 'rgb(220, 30, 30)'; pen.fillRect(0, 0, 120, 120);"
        "canvas.toBlob((blob) => { const clipboardData = new DataTransfer();"
        "  clipboardData.items.add(new File([blob], 'image.png', { type: 'image/png' }));"
        "  dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })); })"
    )
    assert site.answers(1) == ["红茶"]
    assert page.text(".answer .file") == "image.png"
    drop(page, service.photo("dropped 绿.jpg", GREEN, 3))
    assert site.answers(2) == ["绿茶", "红茶"]
    page.click(".over-results button:first-of-type")
    page.wait(lambda: len(page.all(".answer")) == 3)
    assert page.text(".answer .file") == "2 photos combined"
    assert page.text(".answer h2")
    page.screenshot("service-together-en-light")
    assert site.accessible() == []


def test_photos_are_named_explained_corrected_and_taken_back(site, service):
    page = site.page
    site.open()
    evil = service.photo(EVIL.replace("/", ""), RED)
    site.give(evil, service.photo("b.jpg", YELLOW, 7), service.photo("c.jpg", PURPLE))
    assert site.answers(3)[:2] == ["红茶", "yellow 500 ml"]
    assert page.text(".answer .file") == evil.name
    assert page.driver.title == "Recognise – shelfmind"
    first = ".answer:first-child"
    page.wait(lambda: page.run("return document.querySelector('.reference img').naturalWidth") > 30)
    page.click(f"{first} .why")
    page.wait(lambda: page.run(f"return document.querySelector('{first} .heat img')?.naturalWidth ?? 0") > 20)
    page.click(f"{first} .wrong")
    page.wait(lambda: len(page.all(".products li")) == 3)  # all but the one that was wrong
    page.press("green")
    page.wait(lambda: page.texts(".products li .name") == ["New name “green”"])
    page.run("document.querySelector('.query').select()")
    page.press("绿")
    page.wait(lambda: page.texts(".products li .name")[:1] == ["绿茶"])
    page.press(ENTER)
    page.wait(lambda: "this is 绿茶" in page.text(f"{first} .corrected"))
    log = service.folder / "state" / "corrections" / "review.jsonl"
    made = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
    assert (made["given"], made["label"], made["reviewer"]) == ("红茶", "绿茶", "王芳")
    assert page.run("return document.activeElement.closest('.answer') !== null")
    page.click(f"{first} .undo")
    page.wait(lambda: page.all(f"{first} .right"))
    assert json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["undoes"] == made["id"]
    page.click(f"{first} .right")
    page.wait(lambda: "红茶 is correct" in page.text(f"{first} .corrected"))
    page.click(".answer:nth-child(2) .wrong")
    page.wait(lambda: page.all("dialog[open]"))
    page.run("location.hash = 'gallery'")  # as the way back does
    page.wait(lambda: not page.all("dialog"))


def test_what_goes_wrong_is_told(site, service):
    page = site.page
    page.expected_complaints = ["422", "ERR_", "429"]
    site.open()
    broken = service.folder / "broken.jpg"
    broken.write_bytes(b"\xff\xd8 no image")
    site.give(broken, service.folder / "log.txt")
    assert site.answers(1) == ["Cannot be used"]
    assert "skipped" in page.text("#toasts")
    page.run("window.kept = fetch; window.fetch = () => Promise.reject(new TypeError('gone'))")
    site.give(service.photo("d.jpg", BLUE))
    assert site.answers(2)[0] == "No result"
    assert "not responding" in page.text(".answer .lead")
    page.run("window.fetch = window.kept")
    page.click(".answer footer .primary")
    page.wait(lambda: page.text(".answer h2") == "blue soda")


# Enrolling, and the gallery


def test_a_new_product_is_enrolled_in_spite_of_the_guard_and_undone(site, service):
    page = site.page
    page.expected_complaints = ["409"]
    site.open()
    page.driver.get(f"{service.address}/?lang=en#gallery")
    page.wait(lambda: page.all(".tile"))
    page.click(".gallery .primary")
    names = [service.photo(f"p{n}.jpg", PURPLE, n) for n in range(3)]
    site.give(*names, to="dialog input[type=file]")
    page.wait(lambda: len(page.all(".enrolled img")) == 3)
    page.press("grape 1 l" + ENTER)
    page.wait(lambda: page.all(".findings") or page.all(".toast-card"))
    if page.all(".findings"):
        page.click(".anyway")
    page.wait(lambda: page.texts(".tile .name") == ["grape 1 l", "yellow 500 ml"])
    site.go("recognise")
    site.give(names[0])
    assert site.answers(1) == ["grape 1 l"]
    page.click(".answer .enrol")
    page.wait(lambda: page.all("dialog form"))
    page.press("<b>plum</b>" + ENTER)
    page.wait(lambda: page.all(".findings li"))
    assert "the same photo as" in page.text(".findings li")
    assert page.texts(".findings li:first-child .name") == ["<b>plum</b>", "grape 1 l"]
    page.wait(
        lambda: page.run(
            "return [...document.querySelectorAll('.findings img')].every((each) => each.naturalWidth > 60)"
        )
    )
    assert site.accessible() == []
    page.click(".anyway")
    page.wait(lambda: not page.all("dialog") and page.all(".toast-card"))
    page.click(".toast-card:last-child button")
    page.wait(lambda: "Undone" in page.text("#toasts"))
    site.go("gallery")
    page.wait(lambda: page.texts(".tile .name") == ["grape 1 l", "yellow 500 ml"])


def test_products_are_found_renamed_merged_and_brought_back(site, service):
    page = site.page
    site.open("gallery")
    page.wait(lambda: page.all(".tile"))
    page.one("#find-product").send_keys("YELLOW")
    page.wait(lambda: page.texts(".tile .name") == ["yellow 500 ml"])
    page.click(".tile")
    page.wait(lambda: len(page.all(".photos li")) == 3)
    page.click(".product .bar button:nth-child(2)")
    page.wait(lambda: page.all("#asked-text"))
    page.press('lemon, "fresh"' + ENTER)
    page.wait(lambda: page.text("h1") == 'lemon, "fresh"' and len(page.all(".photos li")) == 3)
    page.click(".photos .plain")
    page.wait(lambda: len(page.all(".photos li")) == 2)
    page.click(".product .danger")
    page.wait(lambda: page.all("dialog .danger-fill"))
    page.click("dialog .danger-fill")
    page.wait(lambda: page.all(".gallery"))
    page.driver.get(f"{service.address}/?lang=en#history")
    page.wait(lambda: len(page.all(".history li")) >= 4)
    assert "王芳" in page.text(".history small")
    rename = next(n for n, text in enumerate(page.texts(".history b"), 1) if text.startswith("renamed"))
    page.click(f".history li:nth-child({rename + 1}) button")
    page.wait(lambda: page.all("dialog .primary"))
    page.click("dialog .primary")
    page.wait(lambda: page.text(".history b").startswith("restored"))
    site.go("gallery")
    page.wait(lambda: "yellow 500 ml" in page.texts(".tile .name"))
    site.go("reports")
    page.wait(lambda: page.texts(".reports b") == ["Data audit"])
    assert page.one(".reports a").get_attribute("href").endswith("/v1/reports/audit?lang=en")


def test_a_product_becomes_part_of_another_and_again_its_own(site, service):
    page = site.page
    page.expected_complaints = ["409"]
    site.open("gallery")
    page.wait(lambda: page.all(".tile"))
    page.click(".gallery .primary")
    site.give(service.photo("twin.jpg", (225, 225, 60), 31), to="dialog input[type=file]")
    page.wait(lambda: len(page.all(".enrolled img")) == 1)
    page.press("twin 双胞胎" + ENTER)
    page.wait(lambda: page.all(".findings") or "twin 双胞胎" in page.texts(".tile .name"))
    if page.all(".findings"):
        page.click(".anyway")
    page.wait(lambda: "twin 双胞胎" in page.texts(".tile .name"))
    page.driver.get(f"{service.address}/?lang=en#product/{quote('twin 双胞胎')}")
    page.wait(lambda: page.text("h1") == "twin 双胞胎" and page.all(".photos li"))
    page.click(".product .bar button:nth-child(3)")
    page.wait(lambda: page.texts(".products li .name"))
    assert "twin 双胞胎" not in page.texts(".products li .name")  # not into itself, nor into a trained class
    assert "红茶" not in page.texts(".products li .name")
    page.press("yellow")
    page.wait(lambda: page.texts(".products li .name") == ["yellow 500 ml"])
    page.press(ENTER)
    page.wait(lambda: page.all("dialog .primary"))
    assert "All photos of twin 双胞胎 will be filed under yellow 500 ml." in page.text("dialog")
    page.click("dialog .primary")
    page.wait(lambda: page.text("h1") == "yellow 500 ml" and len(page.all(".photos li")) >= 3)
    page.click(".toast-card:last-child button")
    page.wait(lambda: "Undone" in page.text("#toasts"))
    site.go("gallery")
    page.wait(lambda: {"twin 双胞胎", "yellow 500 ml"} <= set(page.texts(".tile .name")))
    page.driver.get(f"{service.address}/?lang=en#product/{quote('twin 双胞胎')}")
    page.wait(lambda: page.all(".product .danger"))
    page.click(".product .danger")
    page.wait(lambda: page.all("dialog .danger-fill"))
    page.click("dialog .danger-fill")
    page.wait(lambda: page.all(".gallery") and "twin 双胞胎" not in page.texts(".tile .name"))


# A whole shelf


def shelf(folder: Path) -> Path:
    """Red, green and blue packages on a shelf, stored lying on its side as cameras do."""
    upright = Image.new("RGB", (600, 800), (150, 150, 150))
    draw = ImageDraw.Draw(upright)
    for place, colour in enumerate((RED, RED, GREEN, BLUE)):
        draw.rectangle((40 + 140 * place, 100, 139 + 140 * place, 299), fill=colour)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn it clockwise to see it upright"
    upright.transpose(Image.Transpose.ROTATE_90).save(folder / "shelf.jpg", exif=exif, quality=95)
    return folder / "shelf.jpg"


def draw_box(page: Any, left: int, top: int, right: int, bottom: int, finger: bool = False) -> None:
    """With the mouse or a finger, in pixels of the upright photo."""
    from selenium.webdriver import ActionChains

    x, y, width = page.run(
        "const box = document.querySelector('.stage').getBoundingClientRect(); return [box.x, box.y, box.width]"
    )
    scale = width / 600
    ends = [(int(x + left * scale), int(y + top * scale)), (int(x + right * scale), int(y + bottom * scale))]
    if finger:
        for kind, place in (("touchStart", ends[0]), ("touchMove", ends[1]), ("touchEnd", None)):
            points = [] if place is None else [{"x": place[0], "y": place[1]}]
            page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        return
    chain = ActionChains(page.driver, duration=20)
    chain.w3c_actions.pointer_action.move_to_location(*ends[0])
    chain.w3c_actions.pointer_action.pointer_down()
    chain.w3c_actions.pointer_action.move_to_location(*ends[1])
    chain.w3c_actions.pointer_action.pointer_up()
    chain.perform()


def test_boxes_on_a_shelf_are_named_counted_and_written(site, service, tmp_path):
    from selenium.webdriver import ActionChains

    page = site.page
    page.size(1280, 1300)
    site.open("shelf")
    site.give(shelf(tmp_path))
    page.wait(lambda: page.run("return document.querySelector('.stage img').naturalWidth") == 600)
    draw_box(page, 45, 105, 135, 295)
    page.wait(lambda: page.texts(".box .tag") == ["红茶"])  # upright, as the camera was held
    page.press("d")  # its neighbour, of the same width: 45 + 90 is not quite the next package
    page.press(*[RIGHT] * 7)
    page.wait(lambda: page.texts(".box .tag") == ["红茶", "红茶"])
    draw_box(page, 320, 105, 418, 295)
    page.wait(lambda: page.texts(".box .tag") == ["红茶", "红茶", "绿茶"])
    assert page.texts(".counts tbody tr") == ["红茶2", "绿茶1"]
    draw_box(page, 370, 200, 512, 200)  # the chosen box is moved by the mouse
    page.wait(lambda: page.texts(".box .tag")[2] == "blue soda")
    left = page.run("return parseFloat(document.querySelector('.box.chosen').style.width)")
    ActionChains(page.driver).key_down(SHIFT).send_keys(RIGHT).key_up(SHIFT).perform()
    page.wait(lambda: page.run("return parseFloat(document.querySelector('.box.chosen').style.width)") > left)
    page.click(".shelf-side .wrong")
    page.wait(lambda: page.all(".products li"))
    page.press('=cmd|"x"' + ENTER)
    page.wait(lambda: '=cmd|"x"' in page.texts(".box .tag"))
    page.screenshot("service-shelf-en-light")
    rows = site.rows(
        "{ const { tally } = await import('/page/tally.js'); return tally([...document.querySelectorAll('.box .tag')]"
        ".map((each) => each.textContent)).map(({ name, count }) => [name, count]); }"
    )
    assert rows == [["红茶", "2"], ['\'=cmd|"x"', "1"]]
    page.press(ESCAPE)
    page.run("document.querySelector('.box:nth-child(2)').focus()")
    page.press(DELETE)
    page.wait(lambda: page.texts(".counts tbody td") == ["1", "1"])
    site.go("batch")
    site.go("shelf")
    assert len(page.all(".box")) == 2


# Many photos


def test_a_batch_waits_where_the_service_is_busy_and_tells_errors_file_by_file(site, service):
    page = site.page
    page.expected_complaints = ["429", "422"]
    site.open("batch")
    page.run(
        "const ask = fetch; let asked = 0;"
        "window.fetch = (path, ...more) => path === '/v1/recognize' && asked++ === 1 ?"
        " Promise.resolve(new Response('{}', { status: 429, headers: { 'Retry-After': '1' } })) : ask(path, ...more)"
    )
    photos = [service.photo(f"{n}.jpg", colour, n) for n, colour in enumerate([RED, GREEN, BLUE, YELLOW] * 3)]
    broken = service.folder / "photos" / "broken.jpg"
    broken.write_bytes(b"")
    site.give(*photos, broken, service.folder / "log.txt")
    page.wait(lambda: page.text(".progress span") == "14 of 14")
    assert page.run("return document.querySelector('[role=progressbar]').ariaValueNow") == "14"
    assert len(page.all("tbody tr")) == 14
    assert page.texts("tr.failed td:nth-child(2)") == ["zero bytes", "not an image"]
    page.click(".outcome-failed")
    page.wait(lambda: len(page.all("tbody tr")) == 2)
    page.screenshot("service-batch-en-light")
    page.click(".outcome-failed")
    page.click("tbody tr:first-child .link")
    page.wait(lambda: page.text("dialog .answer h2") == "红茶")
    page.press(ESCAPE)
    page.click(".new-batch")
    page.run(
        "window.fetch = (path, { signal }) =>"
        " new Promise((resolve, reject) => { signal.onabort = () => reject(signal.reason); })"
    )
    site.give(*photos[:2])
    page.wait(lambda: page.all(".cancel-batch"))
    page.click(".cancel-batch")
    page.wait(lambda: page.all(".go-on"))
    assert "0 of 2" in page.text(".progress")


def test_a_dropped_folder_is_a_batch_in_the_order_of_its_paths(site, service, tmp_path):
    page = site.page
    page.expected_complaints = ["422"]
    site.open("batch")
    folder = tmp_path / "货架 1"
    (folder / "b" / "deep").mkdir(parents=True)
    for name, colour in (("10.jpg", RED), ("9.jpg", GREEN), ("b/deep/1.jpg", BLUE), ("b/0.jpg", YELLOW)):
        (folder / name).write_bytes(service.photo("of-folder.jpg", colour).read_bytes())
    (folder / "notes.txt").write_text("no photo", encoding="utf-8")
    drop(page, folder)
    page.wait(lambda: page.text(".progress span") in ("4 of 4", "5 of 5"))
    names = page.texts("tbody tr th")
    wanted = ["9.jpg", "10.jpg", "b/0.jpg", "b/deep/1.jpg"]
    assert [name for name in names if not name.endswith("notes.txt")] == [f"货架 1/{name}" for name in wanted]
    page.screenshot("service-batch-folder-en-light")


def test_tables_are_safe_for_spreadsheets(site):
    site.open()
    given = ["=1+1", "+1", "-1", "@x", "\tx", " =x", "＝x", 'a "quoted", one', "two\nlines", "-0.5 l", "plain"]
    found = site.rows(f"[[...{json.dumps(given)}, -0.25, 0.1234567890123]]")
    assert len(found) == 1
    assert [cell.removeprefix("'") for cell in found[0][:-2]] == given
    assert [cell for cell in found[0][:-2] if cell.startswith("'")] == [f"'{each}" for each in [*given[:7], "-0.5 l"]]
    assert found[0][-2:] == ["-0.25", "0.1234567890123"]


# Everybody, everywhere


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("zh", 390)])
def test_every_place_can_be_read_and_used(site, service, tmp_path, language, width):
    page, phone = site.page, width < 500
    heights = {1280: 900, 390: 844}
    page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": phone})
    page.size(width, heights[width])

    def look(name: str) -> None:
        """All that axe knows as it is used, and colours in the dark at the other width."""
        for scheme, wide, rules in (
            ("dark", 1280 + 390 - width, "{ runOnly: ['color-contrast'] }"),
            ("light", width, "{}"),
        ):
            page.scheme(scheme)
            page.size(wide, heights[wide])
            assert site.accessible(rules) == [], name
            assert site.overflow() == [], name
            page.screenshot(f"service-{name}-{language}-{scheme}-{wide}")

    site.open(language=language)
    site.give(service.photo(EVIL, RED), service.photo("b.jpg", YELLOW, 5), service.photo("c.jpg", PURPLE, 9))
    site.answers(3)
    page.run("document.querySelector('.answer .why').click()")  # a bar may lie over it on a phone
    page.wait(lambda: page.all(".heat"))
    look("recognise")
    page.run("document.querySelector('.answer .wrong').click()")
    page.wait(lambda: len(page.all(".products li")) >= 3)
    look("chooser")
    page.press(ESCAPE)
    site.go("shelf")
    site.give(shelf(tmp_path))
    page.wait(lambda: page.run("return document.querySelector('.stage img').naturalWidth") == 600)
    draw_box(page, 45, 105, 135, 295, finger=phone)
    page.wait(lambda: page.texts(".box .tag") == ["红茶"])
    look("shelf")
    site.go("batch")
    look("batch-empty")
    site.give(service.photo("b.jpg", YELLOW, 5), service.folder / "log.txt")
    page.wait(lambda: page.all(".new-batch"))
    look("batch")
    site.go("gallery")
    page.wait(lambda: page.all(".tile"))
    look("gallery")
    page.run("document.querySelector('.tile').click()")
    page.wait(lambda: page.all(".photos li"))
    look("product")
    page.run("location.hash = '#history'")
    page.wait(lambda: page.all(".history li"))
    look("history")
    site.go("reports")
    page.wait(lambda: page.all(".reports a") and page.all(".model-facts"))
    look("reports")
    other = {"en": "zh-CN", "zh": "en"}[language]
    page.click("#language")
    page.wait(lambda: page.run("return document.documentElement.lang") == other)
    site.go("recognise")
    assert len(page.all(".answer")) == 3  # in the other language, with all that was there
    page.run("localStorage.clear()")
    page.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_nothing_is_asked_of_any_other_machine(site, service):
    site.open("gallery")
    asked = site.page.run("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert len(asked) > 20
    assert [each for each in asked if not each.startswith(f"{service.address}/")] == []

"""The review command in a process of its own, and a real Chromium that a test drives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60
ESCAPE = "\ue00c"
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser these tests are skipped, unless `make test-browser` demands one."""
    missing = [name for name, found in (("chromium", CHROMIUM), ("chromium-driver", DRIVER)) if not found]
    try:
        import selenium  # noqa: F401
    except ImportError:
        missing.append("the Python package selenium")
    if not missing:
        return
    if os.environ.get("SHELFMIND_BROWSER") == "required":
        raise pytest.UsageError(f"the browser tests need {' and '.join(missing)}; see scripts/chromium.sh")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"no {' and no '.join(missing)}; run: make test-browser"))


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory, auditing: Any) -> tuple[Path, Path]:
    """A data set of six products with Chinese names, and an audit with 18 suspects."""
    root, audit = auditing.make_audited_data(tmp_path_factory.mktemp("browser"))
    return root, audit


@dataclass
class Review:
    """A running `shelfmind review`."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What the log says."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    @property
    def decisions(self) -> list[tuple[str | None, str | None]]:
        """Decisions with their labels, in the order made; an undo is (None, None)."""
        return [(line["decision"], line["label"]) for line in self.lines]

    def stop(self, how: int = signal.SIGINT) -> int:
        """End it and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


Start = Callable[..., Review]


@pytest.fixture
def start(audited: tuple[Path, Path], tmp_path: Path) -> Iterator[Start]:
    """Start the command on the audit (or another), with a log of the test's own."""
    reviews: list[Review] = []

    def run(*options: str, audit: Path | None = None, log: Path | None = None, reviewer: str = "王") -> Review:
        log = log or tmp_path / "review.jsonl"
        words = [str(Path(sys.executable).with_name("shelfmind")), "review", str(audit or audited[1])]
        words += ["--no-browser", "--port", "0", "--log", str(log), "--reviewer", reviewer, *options]
        process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8"
        )
        assert process.stdout is not None
        reviews.append(Review(process, process.stdout.readline().strip(), log))
        assert reviews[-1].address.startswith("http://127.0.0.1:")
        return reviews[-1]

    yield run
    for review in reviews:
        review.stop(signal.SIGKILL)


@dataclass
class Page:
    """One tab of Chromium, and what a person sees and does in it."""

    driver: Any
    expected_complaints: list[str] = field(default_factory=list)

    def open(self, review: Review) -> None:
        """Open the page and wait for its first cards with their pictures."""
        self.driver.get(review.address)
        self.wait(lambda: 0 < len(self.all("article")) == len(self.all("article .split")))  # the details are there
        self.wait(lambda: self.run("return [...document.images].every((each) => each.complete)"))

    def run(self, script: str, *values: Any) -> Any:
        """Run JavaScript."""
        return self.driver.execute_script(script, *values)

    def one(self, selector: str) -> Any:
        """The first element."""
        return self.driver.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        """All elements."""
        return list(self.driver.find_elements("css selector", selector))

    def text(self, selector: str) -> str:
        """What the first element says."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def texts(self, selector: str) -> list[str]:
        """What all elements say."""
        return list(
            self.run("return [...document.querySelectorAll(arguments[0])].map((each) => each.textContent)", selector)
        )

    def choose(self, selector: str, value: str) -> None:
        """Choose an entry of a list."""
        from selenium.webdriver.support.select import Select

        Select(self.one(selector)).select_by_value(value)

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Wait until it holds."""
        from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
        from selenium.webdriver.support.ui import WebDriverWait

        ignored = [StaleElementReferenceException, WebDriverException]
        return WebDriverWait(self.driver, SECONDS, 0.05, ignored).until(lambda _: condition())

    def press(self, *keys: str) -> None:
        """Press keys, or type, where the focus is."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()
            if key == ESCAPE:  # a dialog is closed a moment later
                self.wait(lambda: not self.all("dialog[open]"))

    def click(self, selector: str) -> None:
        """Click the first element, again if it was just built anew."""
        self.wait(lambda: self.one(selector).click() is None)

    @property
    def current(self) -> int:
        """The number of the suspect that has the focus; -1 if none has."""
        number = self.run("return document.activeElement.closest('article')?.dataset.number")
        return -1 if number is None else int(number)

    def size(self, width: int, height: int) -> None:
        """The size of the window."""
        measures = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", measures)

    def scheme(self, name: str) -> None:
        """light or dark"""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def screenshot(self, name: str) -> None:
        """Keep what is seen for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        script = "return [...document.images].every((each) => each.complete || each.loading === 'lazy')"
        self.wait(lambda: self.run(script))
        self.driver.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    def complaints(self) -> list[str]:
        """What the browser's console has to complain about and the test does not expect."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        return [line for line in said if not any(part in line for part in self.expected_complaints)]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    words = [
        "--headless=new",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--lang=en-GB",
        "--force-device-scale-factor=1",
    ]
    for word in [*words, *(["--no-sandbox"] if os.geteuid() == 0 else [])]:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Page]:
    """A fresh tab, which must not complain about anything."""
    chromium.switch_to.new_window("tab")
    tab = Page(chromium)
    tab.size(1280, 900)
    tab.scheme("light")
    tab.complaints()
    yield tab
    complaints = tab.complaints()
    chromium.close()
    chromium.switch_to.window(chromium.window_handles[0])
    assert complaints == []


@pytest.fixture
def page(start: Start, tab: Page) -> Page:
    """A tab for reviews; it is closed before they are stopped."""
    return tab

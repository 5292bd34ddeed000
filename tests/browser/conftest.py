"""The demo as a newcomer starts it, and a Chromium in front of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.running_demo import RunningDemo

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """A demo of its own for each journey."""
    place = tmp_path_factory.mktemp("demo")
    demo = RunningDemo(place / "data", place / "output")
    demo.wait_until_it_serves()
    yield demo
    demo.process.terminate()
    demo.process.wait(30)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=chromium, args=quiet)
        yield browser
        browser.close()


class Journey:
    """A person at a browser: goes places, and keeps a picture of each, at desktop and at phone width."""

    def __init__(self, page: Page, demo: RunningDemo, pictures: Path) -> None:
        self.page, self.demo, self._pictures = page, demo, pictures
        self.home, self.xero = f"http://localhost:{demo.port}", f"http://localhost:{demo.sandbox_port}"
        self._count = 0

    def go(self, path: str) -> None:
        answer = self.page.goto(self.home + path)
        assert answer is not None
        assert answer.status == 200, path

    def sign_in(self) -> None:
        found = re.search(r"sign in as (\S+) with the password (\S+)", self.demo.said)
        assert found is not None, self.demo.said
        self.go("/")
        self.page.get_by_label("E-mail").fill(found[1])
        self.page.get_by_label("Password").fill(found[2])
        self.press("Sign in")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def sees(self, text: str | re.Pattern[str], timeout: float = 30_000) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=timeout)

    def picture(self, name: str) -> None:
        """Keep the page as it looks at both widths; no page may scroll sideways."""
        self._count += 1
        for label, size in (("desktop", DESKTOP), ("phone", PHONE)):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            self.page.screenshot(path=self._pictures / f"{self._count:02}-{name}-{label}.png")
            assert wide <= size["width"], f"{name} scrolls sideways at {size['width']}"
        self.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]


@pytest.fixture
def journey(browser: Browser, demo: RunningDemo, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journey]:
    """Pictures go to the directory SCREENSHOTS, where one is named."""
    pictures = Path(os.environ.get("SCREENSHOTS") or tmp_path) / request.node.name
    pictures.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    page = context.new_page()

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield Journey(page, demo, pictures)
    context.close()
    assert complaints == [], "the browser complained"

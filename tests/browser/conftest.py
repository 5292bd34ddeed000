"""The demo as a newcomer starts it, and a Chromium in front of it."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.running_demo import RunningDemo

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
#: The organisations of the played Xero.
DEMO, HARBOUR = "Demo Company (NZ)", "Harbour Trading (UK)"


@pytest.fixture(scope="session")
def leaving() -> Iterator[list[RunningDemo]]:
    """Demos that were asked to end; nobody waits for them before the last journey."""
    demos: list[RunningDemo] = []
    yield demos
    for demo in demos:
        demo.process.wait(30)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, leaving: list[RunningDemo]) -> Iterator[RunningDemo]:
    """A demo of its own for each journey."""
    place = tmp_path_factory.mktemp("demo")
    demo = RunningDemo(place / "data", place / "output")
    demo.wait_until_it_serves()
    yield demo
    demo.process.terminate()
    leaving.append(demo)


class Journey:
    """A person at a browser: goes places, and looks at each at desktop and at phone width."""

    def __init__(self, page: Page, demo: RunningDemo, pictures: Path | None, numbers: Iterator[int]) -> None:
        self.page, self.demo, self._pictures, self._numbers = page, demo, pictures, numbers
        self.home, self.xero = f"http://localhost:{demo.port}", f"http://localhost:{demo.sandbox_port}"
        #: Answers that the browser may complain about, since the journey asks for them.
        self.refusals_expected: set[int] = set()

    def second_tab(self) -> Journey:
        """The same person, in another tab of the same browser."""
        tab = Journey(self.page.context.new_page(), self.demo, self._pictures, self._numbers)
        tab.refusals_expected = self.refusals_expected
        return tab

    # Going about.

    def go(self, path: str) -> None:
        answer = self.page.goto(self.home + path)
        assert answer is not None
        assert answer.status == 200, path

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow a link; one in the menu may carry a count behind its name."""
        if isinstance(name, str):
            name = re.compile(rf"^\s*{re.escape(name)}(\s+\d+)?\s*$")
        link = self.page.get_by_role("link", name=name)
        folded = self.page.locator("details.group:not([open])").filter(has=self.page.locator("a", has_text=name))
        if not link.count() and folded.count():
            folded.first.locator("summary").click()
        link.first.click()

    def confirm(self, name: str) -> None:
        """Say yes to the question that the page asks."""
        self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()

    def choose(self, name: str) -> None:
        """Pick from the menu beside the title."""
        self.page.get_by_role("main").get_by_label("More").first.click()
        self.follow(name)

    def sees(self, text: str | re.Pattern[str], timeout: float = 30_000) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=timeout)

    def heading(self, text: str | re.Pattern[str]) -> None:
        """Is on the page with this title, and the page listens."""
        expect(self.page.get_by_role("heading", level=1, name=text)).to_be_visible()
        self.page.wait_for_load_state()

    def picture(self, name: str) -> None:
        """No page may scroll sideways at either width; keep how it looks, where somebody wants to see it."""
        number = next(self._numbers)
        self.page.wait_for_load_state()
        for label, size in (("desktop", DESKTOP), ("phone", PHONE)):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            self.page.wait_for_function("document.body !== null")  # the page may be on its way to the next
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            if self._pictures:
                self.page.screenshot(path=self._pictures / f"{number:02}-{name}-{label}.png")
            assert wide <= size["width"], f"{name} scrolls sideways at {size['width']}"
        self.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]

    # What people do on many journeys.

    def sign_in(self) -> None:
        found = re.search(r"sign in as (\S+) with the password (\S+)", self.demo.said)
        assert found is not None, self.demo.said
        self.go("/")
        self.sign_in_as(found[1], found[2])

    def sign_in_as(self, email: str, password: str) -> None:
        """Fill in the page of signing in, which is open."""
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")

    def new_supplier(self, company: int, name: str, email: str = "") -> None:
        self.go(f"/c/{company}/suppliers/new/")
        self.page.get_by_label("Name", exact=True).or_(self.page.get_by_label("Name *", exact=True)).first.fill(name)
        self.page.get_by_label("E-mail").fill(email)
        self.press("Save")
        self.sees(f"{name} was added.")

    def leave_for_xero(self, button: str = "Link to Xero") -> None:
        """From Integrations to the page of consent in the played Xero."""
        self.press(button)
        expect(self.page).to_have_title(re.compile("Played Xero"))
        if "/identity/sign-in" in self.page.url:
            self.press("Sign in")
        expect(self.page).to_have_title(re.compile("Allow access"))

    def allow(self, organisation: str) -> None:
        """Let the application into an organisation, from the page of consent."""
        self.page.get_by_label(organisation).check()
        self.press("Allow access")
        self.sees(f"{organisation} is linked")

    def update(self) -> None:
        """Press Update on a list."""
        self.press("Update")
        self.sees(re.compile("Update started|under way already"))

    def until_done(self) -> None:
        """Wait until no job is under way on this page, which follows its jobs without a reload."""
        expect(self.page.get_by_role("progressbar")).to_have_count(0, timeout=60_000)

    def linked(self, company: int = 1, organisation: str = DEMO) -> None:
        """On Integrations, with the company linked and brought up to date; whatever was so before stays."""
        self.go(f"/c/{company}/integrations/")
        if not self.page.get_by_text("✓ Linked").count():
            self.leave_for_xero()
            self.allow(organisation)
        self.until_done()

    def job_count(self, tab: str) -> int:
        """How many jobs a tab says it has, on Sync jobs."""
        said = self.page.get_by_role("link", name=re.compile(f"^{tab} ")).inner_text()
        return int(said.split()[-1].replace(",", ""))

    # The other side, without a browser.

    def played(self, method: str, path: str, body: object = None) -> Any:
        """Ask the controls of the played Xero for something."""
        answer = requests.request(method, f"{self.xero}/_sandbox/{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def contacts_there(self, organisation: int = 1) -> dict[str, dict[str, Any]]:
        """The contacts of an organisation of the played Xero, by name."""
        return {one["Name"]: one for one in self.played("GET", f"organisations/{organisation}/contacts")}


def watch(context: BrowserContext, complaints: list[str]) -> None:
    """Write down what the browser complains about."""

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    context.on("console", listen)
    context.on("weberror", lambda failed: complaints.append(str(failed.error)))


@pytest.fixture
def newcomer(browser: Browser, demo: RunningDemo, request: pytest.FixtureRequest) -> Iterator[Callable[[], Journey]]:
    """Somebody at a browser of their own. Pictures are taken where SCREENSHOTS names a directory for them."""
    named = os.environ.get("SCREENSHOTS")
    pictures = Path(named) / request.node.name if named else None
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
    numbers, complaints, journeys = itertools.count(1), list[str](), list[Journey]()
    with ExitStack() as contexts:

        def come() -> Journey:
            context = browser.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
            contexts.callback(context.close)
            watch(context, complaints)
            journeys.append(Journey(context.new_page(), demo, pictures, numbers))
            return journeys[-1]

        yield come
        if journeys:
            journeys[0].played("DELETE", "faults")
    expected = {code for journey in journeys for code in journey.refusals_expected}
    unexpected = [said for said in complaints if not any(f"a status of {code} " in said for code in expected)]
    assert unexpected == [], "the browser complained"


@pytest.fixture
def journey(newcomer: Callable[[], Journey]) -> Journey:
    return newcomer()

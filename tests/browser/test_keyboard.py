"""Keys, and a telephone: every page of the menu fits into its width."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Journey


def test_keys_lead_to_places(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.heading("Demo Company")
    page.keyboard.press("g")
    page.keyboard.press("s")
    journey.heading(re.compile("^Suppliers"))
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search")
    expect(search).to_be_focused()
    page.keyboard.type("g?s/")  # in a field, keys are letters
    expect(search).to_have_value("g?s/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    search.blur()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    expect(keys).to_be_visible()
    expect(keys).to_contain_text("Sync queue")
    journey.picture("keys")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.get_by_label("More").click()
    expect(page.get_by_role("link", name="Download as CSV")).to_be_visible()
    journey.picture("menu")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Download as CSV")).to_be_hidden()


#: The menus of a page that open past its edges; tables scroll inside themselves.
OUTSIDE = """() => [...document.querySelectorAll("main details.menu")].filter(menu => {
  if (!menu.offsetParent || menu.closest(".table-box")) return false;
  menu.open = true;
  const { left, right } = menu.querySelector(".menu-items").getBoundingClientRect();
  menu.open = false;
  return left < 0 || right > innerWidth;
}).map(menu => menu.innerText)"""


def test_no_page_of_the_menu_scrolls_sideways_on_a_telephone(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    journey.press("Menu")
    rail = page.get_by_role("navigation", name="Main")
    folded = rail.locator("details.group:not([open]) > summary")
    while folded.count():
        folded.first.click()
    expect(rail.get_by_role("link", name="Suppliers")).to_be_visible()
    journey.picture("menu-on-a-telephone")
    places = [str(link.get_attribute("href")) for link in rail.get_by_role("listitem").get_by_role("link").all()]
    assert len(places) > 12
    for place in places:
        journey.go(place)
        title = page.get_by_role("heading", level=1).inner_text().split("\n")[0].strip()
        journey.picture(re.sub(r"[\W\d]+", "-", title.lower()).strip("-"))
        page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        assert page.evaluate(OUTSIDE) == [], place
    journey.go("/c/1/suppliers/")
    page.locator("tbody td:nth-child(2) a").first.click()
    expect(page.get_by_label("More")).to_be_visible()
    assert page.evaluate(OUTSIDE) == []

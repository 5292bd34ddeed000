"""What people do with documents on many journeys, at a desk here and at a desk in the played Xero."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.browser.conftest import Journey

COMPANY = "/c/1"


class Desk:
    """Somebody who is signed in, with the company linked."""

    def __init__(self, journey: Journey) -> None:
        self.journey, self.page = journey, journey.page
        journey.sign_in()
        journey.linked()

    def party(self, name: str) -> str:
        """A supplier or customer of this name, made here."""
        self.journey.new_supplier(1, name)
        return name

    def write(self, screen: str, party: str, *lines: dict[str, str], **head: str) -> None:
        """Write a document in its form and save it; the page of the document is open then."""
        self.journey.go(f"{COMPANY}/{screen}/new/")
        self.page.locator("#contact_id").fill(party)
        for column, value in head.items():
            self.page.locator(f"#{column}").fill(value)
        for number, line in enumerate(lines, start=1):
            if number > 1:
                self.journey.press("Add a line")
            self.fill(number, **line)
        self.journey.press("Save")
        self.journey.sees("was added.")

    def fill(self, number: int, **line: str) -> None:
        for column, value in line.items():
            cell = self.page.locator("tr[data-line]").nth(number - 1).locator(f"[data-field={column}]")
            if column == "tax_code":
                cell.select_option(value)
            else:
                cell.fill(value)

    def go_to(self, screen: str, number: str) -> None:
        """Open a document from its list."""
        self.journey.go(f"{COMPANY}/{screen}/?search={number}")
        self.page.locator("tbody").get_by_role("link", name=number, exact=True).first.click()

    def integrated(self) -> None:
        """The badge beside the title turns by itself."""
        badge = self.page.locator("header.page-head").get_by_text("Integrated", exact=False)
        expect(badge.first).to_contain_text("✓ Integrated", timeout=60_000)

    def title(self) -> str:
        """The number of the document whose page is open."""
        return self.page.get_by_role("heading", level=1).inner_text().split()[0]

    def there(self, kind: str, number_key: str, number: str) -> dict[str, Any]:
        """A document as the played Xero keeps it."""
        found = self.journey.played("GET", f"organisations/1/{kind}")
        return next(one for one in found if one.get(number_key) == number)

    def update(self, screen: str) -> None:
        """Press Update on a list, and wait until it is done."""
        self.journey.go(f"{COMPANY}/{screen}/")
        self.journey.update()
        self.journey.until_done()

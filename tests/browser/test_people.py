"""People: invited by a link that is shown once, each may do what the role says, and a session ends when it should."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import expect
from pyotp import TOTP

from tests.browser.conftest import Journey

PASSWORD = "seven green kettles"


def invite(administrator: Journey, name: str, email: str, role: str, company: str = "") -> str:
    """Make the link for somebody, to one company or to all; returns it."""
    administrator.go("/users/new")
    page = administrator.page
    page.get_by_label(re.compile("^Name")).fill(name)
    page.get_by_label(re.compile("^E-mail")).fill(email)
    page.get_by_label("Role").select_option(
        label=next(o for o in page.get_by_role("option").all_inner_texts() if role in o)
    )
    if company:
        page.get_by_label("Only those ticked here").check()
        page.get_by_role("group", name="Companies").get_by_label(company).check()
        administrator.picture("invite")
    administrator.press("Make the link")
    administrator.sees(f"The link for {name}")
    return page.get_by_label("One-time link").input_value()


def arrive(person: Journey, link: str, name: str) -> None:
    """Open the link and choose a password."""
    person.page.goto(link)
    person.sees(f"For {name}, who signs in as")
    person.page.get_by_label("New password").fill(PASSWORD)
    person.page.get_by_label("The same again").fill(PASSWORD)
    person.press("Set the password")
    person.sees("Your password is set. Welcome.")


def refused(person: Journey, path: str) -> None:
    """A page that is not this person's to see."""
    person.refusals_expected.add(403)
    answer = person.page.goto(person.home + path)
    assert answer is not None
    assert answer.status == 403, path
    person.sees("You are not allowed to do this.")


def test_an_operator_edits_a_viewer_looks_and_a_deactivated_user_is_out(
    journey: Journey, newcomer: Callable[[], Journey]
) -> None:
    journey.sign_in()
    journey.new_supplier(1, "Tui Timber Ltd")
    link = invite(journey, "Olive Operator", "olive@ours.example", "Operator")
    journey.picture("link-shown-once")
    journey.go("/users/")
    expect(journey.page.get_by_label("One-time link")).to_have_count(0)
    journey.sees("Invited")
    journey.picture("users")

    olive = newcomer()
    olive.page.goto(link)
    olive.picture("choose-a-password")
    arrive(olive, link, "Olive Operator")
    olive.picture("welcome")
    rail = olive.page.get_by_role("navigation", name="Main")
    rail.get_by_text("Purchasing").click()
    expect(rail.get_by_role("link", name="Suppliers")).to_be_visible()
    expect(rail.get_by_role("link", name="Users")).to_have_count(0)
    refused(olive, "/users/")
    olive.picture("not-yours")
    olive.go("/companies/")
    expect(olive.page.get_by_role("link", name="New company")).to_have_count(0)
    refused(olive, "/companies/new")

    olive.go("/c/1/suppliers/")
    olive.follow("Tui Timber Ltd")
    olive.follow("Edit")
    olive.page.get_by_label("City").fill("Picton")
    olive.press("Save")
    olive.sees("Tui Timber Ltd was saved.")
    olive.sees("Picton")

    olive.press("Sign out")
    olive.sees("You are signed out.")
    olive.refusals_expected.add(401)
    olive.sign_in_as("olive@ours.example", "eight green kettles")
    olive.sees("E-mail address and password do not fit.")
    olive.picture("wrong-password")
    olive.sign_in_as("olive@ours.example", PASSWORD)
    expect(olive.page.get_by_role("link", name="Olive Operator")).to_be_visible()

    vera = newcomer()
    arrive(vera, invite(journey, "Vera Viewer", "vera@ours.example", "Viewer"), "Vera Viewer")
    vera.follow("Suppliers")
    vera.follow("Tui Timber Ltd")
    vera.sees("Picton")
    expect(vera.page.get_by_role("link", name="Edit", exact=True)).to_have_count(0)
    expect(vera.page.get_by_label("More")).to_have_count(0)
    vera.picture("supplier-for-a-viewer")
    vera.page.goto(vera.page.url.replace("/details/", "/edit/"))
    expect(vera.page.get_by_role("button", name="Save")).to_have_count(0)
    refused(vera, "/c/1/suppliers/new/")

    journey.go("/users/")
    row = journey.page.get_by_role("row").filter(has_text="olive@ours.example")
    row.get_by_role("button", name="Deactivate").click()
    expect(journey.page.get_by_role("dialog")).to_contain_text(
        "Deactivate Olive Operator? They are signed out at once."
    )
    journey.picture("deactivate")
    journey.confirm("Deactivate Olive Operator")
    journey.sees("Olive Operator can no longer sign in.")
    olive.page.goto(olive.home + "/c/1/suppliers/")
    olive.heading("Sign in")
    olive.sign_in_as("olive@ours.example", PASSWORD)
    olive.sees("E-mail address and password do not fit.")
    vera.go("/c/1/suppliers/")  # nobody else is touched


def test_somebody_with_a_second_factor_works_in_the_one_company_that_is_open(
    journey: Journey, newcomer: Callable[[], Journey]
) -> None:
    journey.sign_in()
    journey.go("/companies/new")
    journey.page.get_by_label(re.compile("^Name")).fill("Hill Supplies")
    journey.press("Save")
    journey.sees("Hill Supplies was added.")
    hill = urlsplit(journey.page.url).path

    petra = newcomer()
    arrive(petra, invite(journey, "Petra Part", "petra@ours.example", "Operator", "Hill Supplies"), "Petra Part")
    assert urlsplit(petra.page.url).path == hill
    expect(petra.page.locator(".switcher").get_by_text("Demo Company")).to_have_count(0)
    petra.refusals_expected.add(404)
    answer = petra.page.goto(f"{petra.home}/c/1/suppliers/")
    assert answer is not None
    assert answer.status == 404
    petra.sees("There is no such company here.")

    petra.go("/account/")
    petra.picture("account")
    petra.follow("Set it up")
    petra.picture("second-factor")
    secret = petra.page.locator(".letters").inner_text().replace(" ", "")
    petra.page.get_by_label("Code").fill(TOTP(secret).now())
    petra.page.get_by_label("Current password").fill(PASSWORD)
    petra.press("Set it up")
    petra.sees("The second factor is set up.")
    petra.picture("recovery-codes")
    spare = petra.page.locator(".codes code").first.inner_text()
    petra.follow("I have kept them")

    petra.press("Sign out")
    petra.sign_in_as("petra@ours.example", PASSWORD)
    petra.heading("Second factor")
    petra.refusals_expected.add(401)
    petra.page.get_by_label("Code").fill("000000")
    petra.press("Sign in")
    petra.sees("That code does not fit.")
    petra.picture("code")
    petra.page.get_by_label("Code").fill(spare)
    petra.press("Sign in")
    petra.sees("That recovery code is used up; 9 are left.")

    journey.go("/users/")
    journey.picture("users")
    journey.follow("Petra Part")
    journey.picture("person")
    journey.press("Reset it")
    journey.confirm("Reset the second factor")
    journey.sees("The second factor of Petra Part is off.")
    journey.go("/signing-in/")
    journey.picture("signing-in")
    petra.page.goto(petra.home + hill)
    petra.heading("Sign in")
    petra.sign_in_as("petra@ours.example", PASSWORD)
    expect(petra.page.get_by_role("link", name="Petra Part")).to_be_visible()

"""People: invited by a link that is shown once, each may do what the role says, and a session ends when it should."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import Journey

PASSWORD = "seven green kettles"


def invite(administrator: Journey, name: str, email: str, role: str) -> str:
    """Make the link for somebody; returns it."""
    administrator.go("/users/new")
    page = administrator.page
    page.get_by_label(re.compile("^Name")).fill(name)
    page.get_by_label(re.compile("^E-mail")).fill(email)
    page.get_by_label("Role").select_option(
        label=next(o for o in page.get_by_role("option").all_inner_texts() if role in o)
    )
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
    person.sees("This is not yours to do.")


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

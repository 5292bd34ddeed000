"""The sandbox's own pages, as a browser without JavaScript uses them."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

SLUGS = ["contacts", "items", "accounts", "tax-rates", "tracking"]


@pytest.fixture
def page(browser):
    def ask(path, **form):
        method = "POST" if form else "GET"
        return browser.session.request(method, f"{browser.url}{path}", data=form or None, timeout=30)

    return ask


@pytest.fixture
def contact(control):
    return control("POST", "organisations/1/contacts", {"Name": "Rata Press", "EmailAddress": "a@b.example"})[0]


def test_every_page_says_that_this_is_not_xero(page):
    for path in ("/", "/connected-apps", *(f"/organisation/1/{slug}" for slug in SLUGS)):
        answer = page(path)
        assert answer.status_code == 200
        assert "This is the played Xero, not Xero itself" in answer.text


class Form(HTMLParser):
    """What the first form of fields on a page would send."""

    def __init__(self, text):
        super().__init__()
        self.values = {}
        self._select = self._chosen = None
        self.feed(text.partition('class="fields">')[2].partition("</form>")[0])

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "input" and (given.get("type") != "checkbox" or "checked" in given):
            self.values[given["name"]] = given.get("value", "")
        if tag == "select":
            self._select = given["name"]
        self._chosen = tag == "option" and "selected" in given

    def handle_data(self, data):
        if self._chosen:
            self.values[self._select] = data
            self._chosen = False


@pytest.mark.parametrize("slug", SLUGS)
def test_a_form_that_is_saved_as_it_came_changes_nothing(page, control, slug):
    kind = {"tax-rates": "taxrates", "tracking": "trackingcategories"}.get(slug, slug)
    keys = ("ContactID", "ItemID", "AccountID", "TrackingCategoryID", "TaxType")
    for body in control("GET", f"organisations/1/{kind}")[:8]:
        key = next(body[name] for name in keys if name in body)
        form = Form(page(f"/organisation/1/{slug}/{key}").text).values
        assert "Saved." in page(f"/organisation/1/{slug}/{key}", **form).text
        now = control("GET", f"organisations/1/{kind}/{key}")
        same = [name for name in body if name not in ("UpdatedDateUTC", "TaxComponents") and body[name] != ""]
        assert {name: now.get(name) for name in same} == {name: body[name] for name in same}
    assert page(f"/organisation/1/{slug}/new").status_code == 200


def test_a_contact_is_found_and_changed(page, contact, control):
    assert "Rata Press" in page("/organisation/1/contacts?q=RATA").text
    saved = page(f"/organisation/1/contacts/{contact['ContactID']}", Name="Kowhai Press", IsSupplier="1")
    assert "Saved." in saved.text
    now = control("GET", f"organisations/1/contacts/{contact['ContactID']}")
    assert (now["Name"], now["IsSupplier"]) == ("Kowhai Press", True)
    assert "EmailAddress" not in now


def test_a_refusal_is_shown_and_what_was_typed_is_kept(page, contact):
    answer = page("/organisation/1/contacts/new", Name="rata press", FirstName="Typed")
    assert answer.status_code == 400
    assert "already assigned to another contact" in answer.text
    assert 'value="Typed"' in answer.text


def test_a_contact_is_archived_and_restored(page, contact):
    path = f"/organisation/1/contacts/{contact['ContactID']}"
    assert "Archived" in page(f"{path}/archive", go="1").text
    assert "Rata Press" not in page("/organisation/1/contacts?q=rata").text
    assert "Rata Press" in page("/organisation/1/contacts?q=rata&archived=1").text
    assert "Restored." in page(f"{path}/restore", go="1").text


def test_an_item_is_added_and_deleted(page, control):
    page("/organisation/1/items/new", Code="P-1", Name="Ladder", IsSold="1", **{"SalesDetails.UnitPrice": "12.5"})
    (item,) = [one for one in control("GET", "organisations/1/items") if one["Code"] == "P-1"]
    assert (item["SalesDetails"], item["IsPurchased"]) == ({"UnitPrice": 12.5}, False)
    assert "Deleted." in page(f"/organisation/1/items/{item['ItemID']}/delete", go="1").text
    wrong = page("/organisation/1/items/new", Code="P-2", IsSold="1", **{"SalesDetails.UnitPrice": "dear"})
    assert wrong.status_code == 400


def test_options_of_a_tracking_category(page, control):
    category = control("GET", "organisations/1/trackingcategories")[0]
    path = f"/organisation/1/tracking/{category['TrackingCategoryID']}"
    assert 'value="Dock"' in page(f"{path}/options", option="", Name="Dock", action="save").text
    option = category["Options"][0]["TrackingOptionID"]
    assert "Restore" in page(f"{path}/options", option=option, action="archive").text
    page(f"{path}/options", option=option, action="delete")
    now = control("GET", f"organisations/1/trackingcategories/{category['TrackingCategoryID']}")
    assert option not in [one["TrackingOptionID"] for one in now["Options"]]


def test_the_address_of_a_contact_is_that_of_the_real_xero(page, contact, control):
    short_code = control("GET", "organisations")[0]["short_code"]
    answer = page(f"/app/{short_code}/contacts/contact/{contact['ContactID']}")
    assert "Rata Press" in answer.text


def test_an_app_is_disconnected(page, api):
    assert "Back office" in page("/connected-apps").text
    connection = api.connections[0]["id"]
    assert "No app is connected" in page(f"/connected-apps/{connection}/disconnect", go="1").text
    assert api.get("Organisation").status_code == 403


def test_what_is_not_there(page):
    for path in ("/organisation/nobody/contacts", "/organisation/1/contacts/nobody"):
        answer = page(path)
        assert answer.status_code == 404
        assert "Not here" in answer.text
    assert page("/organisation/1/nonsense").status_code == 404


def test_nothing_on_a_page_comes_from_outside_or_runs(page):
    answer = page("/organisation/1/contacts")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert page("/static/sandbox.css").status_code == 200

"""Xero's own client reads and writes every resource of the sandbox."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from xero_python.accounting import (
    Account,
    AccountingApi,
    Accounts,
    AccountType,
    Address,
    Contact,
    ContactPerson,
    Contacts,
    Item,
    Items,
    Phone,
    Purchase,
    TaxComponent,
    TaxRate,
    TaxRates,
    TrackingCategory,
    TrackingOption,
)
from xero_python.exceptions import AccountingBadRequestException, NotFoundException, RateLimitException
from xero_python.identity import IdentityApi

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def test_identity(client, sandbox, api):
    identity = IdentityApi(client, base_url=sandbox.url)
    (connection,) = identity.get_connections()
    assert connection.tenant_id == api.tenant
    assert connection.created_date_utc.year >= 2026
    identity.delete_connection(connection.id)
    assert identity.get_connections() == []


def test_token(client):
    before = client.configuration.oauth2_token.refresh_token or client.get_oauth2_token()["refresh_token"]
    client.refresh_oauth2_token()
    assert client.get_oauth2_token()["refresh_token"] != before


def test_organisation(accounting, api):
    (organisation,) = accounting.get_organisations(api.tenant).organisations
    assert organisation.organisation_id == api.tenant
    assert organisation.base_currency.value == "NZD"
    assert organisation.short_code.startswith("!")
    assert accounting.get_organisation_actions(api.tenant).actions


@pytest.mark.parametrize("position", ["1", "2"])
def test_every_list(sandbox, client, connect, position):
    tenant = connect(organisations=[position]).tenant
    accounting = AccountingApi(client, base_url=f"{sandbox.url}/api.xro/2.0")
    assert len(accounting.get_contacts(tenant, include_archived=True).contacts) == 30
    assert len(accounting.get_items(tenant, unitdp=4).items) == 10
    assert len(accounting.get_accounts(tenant).accounts) > 40
    assert len(accounting.get_tracking_categories(tenant, include_archived=True).tracking_categories) == 2
    assert accounting.get_tax_rates(tenant).tax_rates
    assert accounting.get_currencies(tenant).currencies


def test_contact_pages(accounting, api):
    found = accounting.get_contacts(
        api.tenant, LONG_AGO, order="UpdatedDateUTC DESC", page=1, page_size=7, include_archived=True
    )
    assert len(found.contacts) == 7
    assert (found.pagination.page_count, found.pagination.item_count) == (5, 30)
    stamps = [one.updated_date_utc for one in found.contacts]
    assert stamps == sorted(stamps, reverse=True)
    ids = [one.contact_id for one in found.contacts[:3]]
    assert {
        one.contact_id for one in accounting.get_contacts(api.tenant, i_ds=ids, include_archived=True).contacts
    } == set(ids)
    one = accounting.get_contact(api.tenant, ids[0])
    assert one.contacts[0].contact_id == ids[0]


def test_contact_writes(accounting, api):
    new = Contact(
        name="Kauri Press",
        contact_number="K-1",
        email_address="press@kauri.example",
        addresses=[Address(address_type="STREET", city="Nelson")],
        phones=[Phone(phone_type="DEFAULT", phone_number="555 1234")],
        contact_persons=[ContactPerson(first_name="Mere", last_name="Reid", include_in_emails=True)],
    )
    (made,) = accounting.create_contacts(api.tenant, Contacts(contacts=[new]), idempotency_key="k1").contacts
    assert made.name == "Kauri Press"
    assert len(made.phones) == 4
    renamed = Contacts(contacts=[Contact(name="Kauri Printing")])
    (changed,) = accounting.update_contact(api.tenant, made.contact_id, renamed).contacts
    assert (changed.name, changed.email_address) == ("Kauri Printing", "press@kauri.example")
    both = [Contact(contact_id=made.contact_id, first_name="Ana"), Contact(name="", email_address="x")]
    good, bad = accounting.update_or_create_contacts(
        api.tenant, Contacts(contacts=both), summarize_errors=False
    ).contacts
    assert good.status_attribute_string == "OK"
    assert bad.has_validation_errors
    assert bad.validation_errors[0].message
    archive = Contacts(contacts=[Contact(contact_status="ARCHIVED")])
    assert accounting.update_contact(api.tenant, made.contact_id, archive).contacts[0].contact_status == "ARCHIVED"


def test_item_writes(accounting, api):
    new = Item(code="SDK-1", name="Made by the SDK", sales_details=Purchase(unit_price=1.2345, account_code="200"))
    (made,) = accounting.create_items(api.tenant, Items(items=[new]), unitdp=4).items
    assert float(made.sales_details.unit_price) == 1.2345
    changed = accounting.update_or_create_items(api.tenant, Items(items=[Item(code="SDK-1", name="Changed")]))
    assert changed.items[0].item_id == made.item_id
    one = accounting.update_item(api.tenant, made.item_id, Items(items=[Item(code="SDK-2")]))
    assert one.items[0].code == "SDK-2"
    accounting.delete_item(api.tenant, made.item_id)
    with pytest.raises(NotFoundException):
        accounting.get_item(api.tenant, made.item_id)


def test_account_writes(accounting, api):
    new = Account(code="9SDK", name="Made by the SDK", type=AccountType.EXPENSE)
    (made,) = accounting.create_account(api.tenant, new).accounts
    assert made._class == "EXPENSE"
    changed = accounting.update_account(api.tenant, made.account_id, Accounts(accounts=[Account(name="Changed")]))
    assert changed.accounts[0].name == "Changed"
    archived = Accounts(accounts=[Account(status="ARCHIVED")])
    assert accounting.update_account(api.tenant, made.account_id, archived).accounts[0].status == "ARCHIVED"
    assert accounting.delete_account(api.tenant, made.account_id).accounts[0].status == "DELETED"


def test_tracking_writes(accounting, api):
    first = accounting.get_tracking_categories(api.tenant).tracking_categories[0].tracking_category_id
    accounting.delete_tracking_category(api.tenant, first)
    (made,) = accounting.create_tracking_category(api.tenant, TrackingCategory(name="Site")).tracking_categories
    (option,) = accounting.create_tracking_options(
        api.tenant, made.tracking_category_id, TrackingOption(name="Dock")
    ).options
    where = (api.tenant, made.tracking_category_id, option.tracking_option_id)
    assert accounting.update_tracking_options(*where, TrackingOption(name="Quay")).options[0].name == "Quay"
    assert accounting.delete_tracking_options(*where).options[0].status == "DELETED"
    renamed = accounting.update_tracking_category(
        api.tenant, made.tracking_category_id, TrackingCategory(name="Place", status="ARCHIVED")
    )
    assert renamed.tracking_categories[0].status == "ARCHIVED"


def test_tax_rate_writes(accounting, api):
    rate = TaxRate(name="Local", tax_components=[TaxComponent(name="Local", rate=3.5)])
    (made,) = accounting.create_tax_rates(api.tenant, TaxRates(tax_rates=[rate])).tax_rates
    assert (made.tax_type, float(made.effective_rate)) == ("TAX001", 3.5)
    gone = TaxRates(tax_rates=[TaxRate(name="Local", status="DELETED")])
    assert accounting.update_tax_rate(api.tenant, gone).tax_rates[0].status == "DELETED"
    assert accounting.get_tax_rate_by_tax_type(api.tenant, "TAX001").tax_rates[0].name == "Local"


def test_errors(accounting, api, control):
    name = accounting.get_contacts(api.tenant, page=1).contacts[0].name
    with pytest.raises(AccountingBadRequestException) as caught:
        accounting.create_contacts(api.tenant, Contacts(contacts=[Contact(name=name)]))
    assert "already assigned to another contact" in caught.value.reason
    with pytest.raises(NotFoundException):
        accounting.get_contact(api.tenant, str(uuid.uuid4()))
    control("POST", "faults", {"kind": "minute"})
    with pytest.raises(RateLimitException):
        accounting.get_organisations(api.tenant)

"""Fills a new sandbox: organisations with a chart of accounts, tax rates, tracking, contacts, items and documents.

The same seed makes the same names and ids; the stamps are spread over the year before the sandbox's now.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.organisations import Organisation, every, find
from backoffice.sandbox.xero.paper_sower import PaperSower
from backoffice.sandbox.xero.regions import NEW_ZEALAND, UNITED_KINGDOM, Region
from backoffice.sandbox.xero.shelf import Json, dump
from backoffice.sandbox.xero.sower import YEAR_MS, Sower
from backoffice.sandbox.xero.world import World

FIRST = (("Demo Company (NZ)", NEW_ZEALAND), ("Harbour Trading (UK)", UNITED_KINGDOM))
MORE = ("Kauri Joinery", "Northgate Supplies", "Tasman Foods", "Fenwick & Rowe", "Southern Cross Tools", "Pier Nine")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"


def seed(world: World) -> None:
    """Make the organisations of a sandbox that has none, and let the custom connections come."""
    if every(world.store):
        return
    with world.store.transaction():
        for position in range(world.settings.organisations):
            sower = _organisation(world, position)
            sower.settings()
            sower.contacts(world.settings.contacts)
            sower.items(world.settings.items)
            _papers(world, sower, position).sow(world.settings.documents)
        _custom_connections(world)
    world.store.analyze()


def seed_more(world: World, organisation: Organisation, counts: Mapping[str, int]) -> None:
    """Add made-up contacts, items, bills and invoices to an organisation."""
    shelf = world.shelf(organisation.id, "Contacts")
    chance = _chance(f"{world.settings.seed} {organisation.position} {shelf.count()}")
    sower = Sower(world, organisation.id, _plan(organisation.position)[1], chance)
    with world.store.transaction():
        sower.contacts(counts.get("contacts", 0))
        sower.items(counts.get("items", 0))
        papers = _papers(world, sower, organisation.position)
        papers.bills(counts.get("bills", 0))
        papers.invoices(counts.get("invoices", 0))
    world.store.analyze()


def _papers(world: World, sower: Sower, position: int) -> PaperSower:
    """With a chance of its own, so that documents leave everything else as it is without them."""
    chance = _chance(f"{world.settings.seed} {position} papers {world.shelf(sower.organisation, 'Invoices').count()}")
    organisation = find(world.store, sower.organisation)
    assert organisation
    return PaperSower(world, organisation, chance)


def _organisation(world: World, position: int) -> Sower:
    name, region = _plan(position)
    chance = _chance(f"{world.settings.seed} {position}")
    sower = Sower(world, "", region, chance)
    sower.organisation = sower.new_id()
    short_code = "!" + "".join(chance.choices(LETTERS, k=5))
    body = _body(name, region, sower, short_code)
    values = (sower.organisation, short_code, position, dump(body))
    world.store.change("INSERT INTO organisation VALUES (?, ?, ?, ?)", values)
    return sower


def _body(name: str, region: Region, sower: Sower, short_code: str) -> Json:
    demo = name.startswith("Demo")
    return {
        "Name": name,
        "LegalName": name,
        "PaysTax": True,
        "Version": region.version,
        "OrganisationType": "COMPANY",
        "BaseCurrency": region.currency,
        "CountryCode": region.country,
        "IsDemoCompany": demo,
        "OrganisationStatus": "ACTIVE",
        "TaxNumber": f"{sower.chance.randrange(10**8, 10**9)}",
        "FinancialYearEndDay": region.year_end[0],
        "FinancialYearEndMonth": region.year_end[1],
        "SalesTaxBasis": "PAYMENTS" if region.version == "NZ" else "ACCRUALS",
        "SalesTaxPeriod": region.tax_period,
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "CreatedDateUTC": ms_date(sower.now - YEAR_MS, offset=False),
        "OrganisationEntityType": "COMPANY",
        "Timezone": region.timezone,
        "ShortCode": short_code,
        "OrganisationID": sower.organisation,
        "Edition": "BUSINESS",
        "Class": "DEMO" if demo else "PREMIUM",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
    }


def _custom_connections(world: World) -> None:
    """A custom connection is consented to beforehand; the connection itself comes with its first token."""
    for client in world.settings.clients:
        if client.organisation is not None:
            world.store.change("INSERT INTO consent VALUES (?, '', '')", (client.id,))


def _plan(position: int) -> tuple[str, Region]:
    if position < len(FIRST):
        return FIRST[position]
    turn, at = divmod(position - len(FIRST), len(MORE))
    name = MORE[at] if turn == 0 else f"{MORE[at]} {turn + 1}"
    return name, FIRST[position % 2][1]


def _chance(text: str) -> random.Random:
    return random.Random(text)  # noqa: S311 - the same data each time, not secrets

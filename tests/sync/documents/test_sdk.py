"""Everything that was pushed, read back with Xero's own client, to the cent."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

import pytest
import requests
import urllib3
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token

from backoffice.models import Allocation, Bill, CreditNote, Document, Invoice, PurchaseOrder, Side, TrackingOption
from backoffice.models.totals import Treatment, half_up
from tests.sync.documents.conftest import DAY, Papers

#: The database adds nothing here: what is sent is asked of the mappers, and the rest runs on both.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TREATMENTS = {Treatment.EXCLUSIVE: "Exclusive", Treatment.INCLUSIVE: "Inclusive", Treatment.NONE: "NoTax"}
TYPES = {"bill": "ACCPAY", "invoice": "ACCREC"}


@pytest.fixture
def accounting(papers: Papers, monkeypatch: pytest.MonkeyPatch) -> Iterator[AccountingApi]:
    """The SDK with a consent of its own, without the retries that it makes by itself."""
    url = papers.book.sandbox.url
    form = {"grant_type": "client_credentials", "scope": "accounting.invoices accounting.payments"}
    credentials = ("demo-custom", "demo-custom-secret")
    token = requests.post(f"{url}/connect/token", form, auth=credentials, timeout=5).json()
    monkeypatch.setattr(Configuration, "_default", None)
    oauth = OAuth2Token(client_id=credentials[0], client_secret=credentials[1])
    client = ApiClient(Configuration(oauth2_token=oauth), pool_threads=1)
    client.oauth2_token_getter(lambda: {**token, "scope": token["scope"].split()})
    client.oauth2_token_saver(lambda _: None)
    client.rest_client.pool_manager.connection_pool_kw["retries"] = urllib3.util.Retry(0)
    yield AccountingApi(client, base_url=f"{url}/api.xro/2.0")
    client.rest_client.pool_manager.clear()


def written(papers: Papers, model: type[Document], number: int, chance: Random, **more: Any) -> Any:
    """A document of all that a document may hold."""
    sales = model is Invoice or more.get("side") is Side.SALES
    codes = {"account_code": "200" if sales else "300", "tax_code": "OUTPUT2" if sales else "INPUT2"}
    options = papers.session.query(TrackingOption).filter_by(company_id=papers.book.company_id, archived=False)
    lines = [
        papers.line(
            model,
            description=f"Line {each} – ünïcödé & <b>",
            quantity=Decimal(chance.randint(1, 9_999_999)) / 10_000,
            unit_price=Decimal(chance.randint(1, 9_999_999)) / 10_000,
            discount=Decimal(chance.choice(["0", "12.5", "33.33"])) if model is Invoice else Decimal(0),
            tracking_1_id=options.order_by(TrackingOption.id)[0].id,
            **codes,
        )
        for each in range(3)
    ]
    treatment = list(Treatment)[number % 3]
    about: dict[str, Any] = {
        "name": f"{model.prefix}SDK-{number}",
        "reference": f"ref {number}",
        "treatment": treatment,
    }
    return papers.write(model, *lines, **about, **more)


def money(value: Any) -> Decimal:
    return Decimal(str(value))


def same(papers: Papers, ours: Any, theirs: Any, places: int = 4) -> None:
    """Head, totals and each line."""
    papers.session.refresh(ours)
    number = theirs.purchase_order_number if ours.kind == "purchase_order" else None
    number = number or getattr(theirs, "invoice_number", None) or theirs.credit_note_number
    assert (number, theirs.reference, theirs.date) == (ours.name, ours.reference, ours.date)
    assert theirs.contact.name == ours.contact.name
    assert theirs.line_amount_types.value == TREATMENTS[ours.treatment]
    head = (theirs.sub_total, theirs.total_tax, theirs.total)
    assert (
        tuple(map(money, head))
        == (ours.sub_total, ours.tax_total, ours.total)
        == (
            ours.sub_total,
            ours.tax_total,
            ours.their_total,
        )
    )
    for mine, line in zip(ours.lines, theirs.line_items, strict=True):
        assert (line.description, line.account_code) == (mine.description, mine.account_code)
        assert money(line.quantity) == mine.quantity
        assert money(line.unit_amount) == half_up(mine.unit_price, places)
        assert (money(line.line_amount), money(line.tax_amount)) == (mine.amount, mine.tax_amount)
        assert money(line.discount_rate or 0) == mine.discount
        assert [each.option for each in line.tracking] == [mine.tracking_1.name]


def test_all_that_was_pushed_is_there_to_the_cent(papers: Papers, accounting: AccountingApi) -> None:
    chance = Random(7)
    tenant = papers.book.connection.external_id
    made: dict[type[Document], list[Any]] = {
        model: [written(papers, model, number, chance) for number in range(6)]
        for model in (PurchaseOrder, Bill, Invoice)
    }
    made[CreditNote] = [written(papers, CreditNote, n, chance, side=list(Side)[n % 2]) for n in range(4)]
    sales = next(note for note in made[CreditNote] if note.side is Side.SALES)
    paid = papers.pay(made[Bill][0], str(made[Bill][0].total)), papers.pay(made[Invoice][1], "0.01")
    used = Allocation(
        company_id=papers.book.company_id,
        credit_note_id=sales.id,
        invoice_id=made[Invoice][2].id,
        date=DAY,
        amount=Decimal("0.99"),
    )
    papers.session.add(used)
    papers.session.commit()
    job = papers.push()
    assert (job.state, job.refused) == ("completed", 0), job.reason
    ids = {ours.id: papers.book.link_of(ours).external_id for ours in made[PurchaseOrder]}
    for ours in made[PurchaseOrder]:
        (order,) = accounting.get_purchase_order(tenant, ids[ours.id]).purchase_orders
        same(papers, ours, order, places=2)
    for model in (Bill, Invoice):
        wanted = {papers.book.link_of(ours).external_id: ours for ours in made[model]}
        found = accounting.get_invoices(tenant, i_ds=list(wanted), page=1, unitdp=4).invoices
        assert {each.invoice_id for each in found} == set(wanted)
        for invoice in found:
            ours = wanted[invoice.invoice_id]
            same(papers, ours, invoice)
            assert (invoice.type, invoice.due_date) == (TYPES[ours.kind], ours.due_date)
            due = (invoice.amount_due, invoice.amount_paid, invoice.amount_credited)
            assert tuple(map(money, due)) == (ours.amount_due, ours.amount_paid, ours.amount_credited)
            assert invoice.status == ours.their_status
    for ours in made[CreditNote]:
        external_id = papers.book.link_of(ours).external_id
        (note,) = accounting.get_credit_note(tenant, external_id, unitdp=4).credit_notes
        same(papers, ours, note)
        assert money(note.remaining_credit) == ours.amount_due
        assert note.type == ("ACCRECCREDIT" if ours.side is Side.SALES else "ACCPAYCREDIT")
        allocated = [(each.allocation_id, money(each.amount)) for each in note.allocations or ()]
        assert allocated == ([(papers.book.link_of(used).external_id, used.amount)] if ours is sales else [])
    for payment in paid:
        (there,) = accounting.get_payment(tenant, papers.book.link_of(payment).external_id).payments
        assert (money(there.amount), there.reference, there.date) == (payment.amount, payment.name, payment.date)
        assert there.invoice.invoice_number == str(payment.document)
    assert made[Bill][0].their_status == "PAID"

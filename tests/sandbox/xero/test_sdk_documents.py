"""Xero's own client reads and writes every document of the sandbox; and no answer has a field that it does not know."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
import xero_python.accounting as models
from xero_python.accounting import (
    Account,
    AccountingApi,
    Allocation,
    Allocations,
    Contact,
    CreditNote,
    CreditNotes,
    Currency,
    CurrencyCode,
    Invoice,
    Invoices,
    LineAmountTypes,
    LineItem,
    LineItemTracking,
    Payment,
    PaymentDelete,
    Payments,
    PurchaseOrder,
    PurchaseOrders,
)

from backoffice.sandbox.xero.server import Sandbox

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# In the answers of Xero, as recorded or as its specification shows them, though no model has them.
BESIDES = {
    "DateString",
    "DueDateString",
    "DeliveryDateString",
    "UpdatedDateUTCString",
    "HasErrors",
    "IsDiscounted",
    "Type",
    "DueDate",
    "FullyPaidOnDate",
    "Narrative",
    "UpdatedDateUTC",
    "CurrencyRate",
}


@pytest.fixture
def line():
    tracking = [LineItemTracking(name="Region", option="North")]
    return LineItem(description="Paper", quantity=3, unit_amount=1.2345, account_code="300", tracking=tracking)


@pytest.fixture
def bill(accounting, api, supplier, line):
    new = Invoice(
        type="ACCPAY",
        contact=Contact(contact_id=supplier),
        line_items=[line],
        invoice_number="S-9",
        date=date(2026, 9, 14),
        due_date=date(2026, 10, 14),
        line_amount_types=LineAmountTypes.EXCLUSIVE,
        status="AUTHORISED",
        url="https://here.example/bills/1",
    )
    (made,) = accounting.create_invoices(
        api.tenant, Invoices(invoices=[new]), unitdp=4, summarize_errors=False, idempotency_key="k1"
    ).invoices
    return made


def test_invoices(accounting, api, bill, line):
    assert (bill.date, bill.due_date) == (date(2026, 9, 14), date(2026, 10, 14))
    assert (Decimal(str(bill.total)), bill.currency_code.value) == (Decimal("4.26"), "NZD")
    assert bill.line_items[0].tracking[0].option == "North"
    page = accounting.get_invoices(
        api.tenant,
        LONG_AGO,
        where='Type=="ACCPAY" AND InvoiceNumber=="S-9"',
        order="UpdatedDateUTC DESC",
        page=1,
        page_size=10,
        unitdp=4,
        statuses=["AUTHORISED"],
    )
    assert [one.invoice_id for one in page.invoices] == [bill.invoice_id]
    assert float(page.invoices[0].line_items[0].unit_amount) == 1.2345
    assert page.pagination.item_count == 1
    again = accounting.get_invoice(api.tenant, bill.invoice_id, unitdp=4).invoices[0]
    again.reference = "changed"
    back = accounting.update_or_create_invoices(api.tenant, Invoices(invoices=[again]), unitdp=4).invoices[0]
    assert (back.reference, back.line_items[0].line_item_id) == ("changed", bill.line_items[0].line_item_id)
    void = Invoices(invoices=[Invoice(status="VOIDED")])
    voided = accounting.update_invoice(api.tenant, bill.invoice_id, void).invoices[0]
    assert (voided.status, float(voided.amount_due)) == ("VOIDED", 4.26)
    assert float(accounting.get_invoice(api.tenant, bill.invoice_id).invoices[0].amount_due) == 0


def test_purchase_orders(accounting, api, supplier, line):
    new = PurchaseOrder(
        contact=Contact(contact_id=supplier),
        line_items=[line],
        date=date(2026, 9, 14),
        delivery_date=date(2026, 9, 20),
        purchase_order_number="P-77",
        sent_to_contact=True,
    )
    both = PurchaseOrders(purchase_orders=[new, PurchaseOrder(contact=Contact(contact_id=supplier), line_items=[])])
    good, bad = accounting.create_purchase_orders(api.tenant, both, summarize_errors=False).purchase_orders
    assert (good.status_attribute_string, bad.status_attribute_string) == ("WARNING", "ERROR")
    assert good.warnings[0].message
    assert bad.validation_errors[0].message
    assert good.delivery_date == date(2026, 9, 20)
    found = accounting.get_purchase_orders(api.tenant, LONG_AGO, status="DRAFT", date_from="2026-09-01", page=1)
    assert [one.purchase_order_id for one in found.purchase_orders] == [good.purchase_order_id]
    again = accounting.get_purchase_order_by_number(api.tenant, "P-77").purchase_orders[0]
    assert again.contact.contact_id == supplier
    billed = PurchaseOrders(purchase_orders=[PurchaseOrder(purchase_order_number="P-77", status="BILLED")])
    changed = accounting.update_or_create_purchase_orders(api.tenant, billed).purchase_orders[0]
    assert (changed.purchase_order_id, changed.status) == (good.purchase_order_id, "BILLED")
    gone = PurchaseOrders(purchase_orders=[PurchaseOrder(status="DELETED")])
    ended = accounting.update_purchase_order(api.tenant, good.purchase_order_id, gone).purchase_orders[0]
    assert ended.status == "DELETED"


def test_payments(accounting, api, bill):
    (bank,) = accounting.get_accounts(api.tenant, where='Name=="Business Bank Account"').accounts
    new = Payment(
        invoice=Invoice(invoice_id=bill.invoice_id),
        account=Account(account_id=bank.account_id),
        date=date(2026, 9, 20),
        amount=2.5,
        reference="BO-1",
    )
    (one,) = accounting.create_payments(api.tenant, Payments(payments=[new]), summarize_errors=False).payments
    assert (one.payment_type, one.status_attribute_string, one.date) == ("ACCPAYPAYMENT", "OK", date(2026, 9, 20))
    two = accounting.create_payment(api.tenant, Payment(**{**_given(new), "amount": 1.76})).payments[0]
    assert float(two.invoice.amount_due) == 0
    paid = accounting.get_invoice(api.tenant, bill.invoice_id).invoices[0]
    assert (paid.status, paid.fully_paid_on_date, len(paid.payments)) == ("PAID", date(2026, 9, 20), 2)
    where = f'Invoice.InvoiceID==Guid("{bill.invoice_id}")'
    assert len(accounting.get_payments(api.tenant, LONG_AGO, where=where, page=1, page_size=5).payments) == 2
    gone = accounting.delete_payment(api.tenant, one.payment_id, PaymentDelete(status="DELETED")).payments[0]
    assert gone.status == "DELETED"
    assert accounting.get_payment(api.tenant, one.payment_id).payments[0].status == "DELETED"
    assert accounting.get_invoice(api.tenant, bill.invoice_id).invoices[0].status == "AUTHORISED"


def _given(payment):
    return {"invoice": payment.invoice, "account": payment.account, "date": payment.date}


def test_credit_notes(accounting, api, bill, supplier, line):
    new = CreditNote(
        type="ACCPAYCREDIT",
        contact=Contact(contact_id=supplier),
        line_items=[line],
        date=date(2026, 9, 15),
        status="AUTHORISED",
        credit_note_number="C-1",
    )
    (made,) = accounting.create_credit_notes(api.tenant, CreditNotes(credit_notes=[new]), unitdp=4).credit_notes
    assert float(made.remaining_credit) == 4.26
    use = Allocation(invoice=Invoice(invoice_id=bill.invoice_id), amount=1.5, date=date(2026, 9, 16))
    allocations = Allocations(allocations=[use])
    (used,) = accounting.create_credit_note_allocation(api.tenant, made.credit_note_id, allocations).allocations
    assert accounting.get_credit_note(api.tenant, made.credit_note_id).credit_notes[0].allocations[0].allocation_id
    assert float(accounting.get_invoice(api.tenant, bill.invoice_id).invoices[0].credit_notes[0].applied_amount) == 1.5
    gone = accounting.delete_credit_note_allocations(api.tenant, made.credit_note_id, used.allocation_id)
    assert gone.is_deleted is True
    again = accounting.get_credit_notes(api.tenant, LONG_AGO, page=1, unitdp=4).credit_notes
    assert float(again[0].line_items[0].unit_amount) == 1.2345
    renamed = CreditNotes(credit_notes=[CreditNote(reference="changed")])
    assert (
        accounting.update_credit_note(api.tenant, made.credit_note_id, renamed).credit_notes[0].reference == "changed"
    )


def test_attachments(accounting, api, bill):
    made = accounting.create_invoice_attachment_by_file_name(
        api.tenant, bill.invoice_id, "bill.pdf", b"%PDF", include_online=False
    )
    assert made.attachments[0].content_length == 4
    assert accounting.get_invoice_attachments(api.tenant, bill.invoice_id).attachments[0].file_name == "bill.pdf"
    path = accounting.get_invoice_attachment_by_file_name(api.tenant, bill.invoice_id, "bill.pdf", "application/pdf")
    assert path


def test_currencies(accounting, api, control):
    control("POST", "organisations/1/currencies", {"Code": "USD"})
    made = accounting.create_currency(api.tenant, Currency(code=CurrencyCode.EUR)).currencies[0]
    assert made.code.value == "EUR"


def test_lock_dates(accounting, api, control):
    control("PATCH", "organisations/1", {"PeriodLockDate": "2026-03-31"})
    assert accounting.get_organisations(api.tenant).organisations[0].period_lock_date == date(2026, 3, 31)


def test_what_only_people_make(accounting, api, control, bill, supplier):
    about = {"Contact": {"ContactID": supplier}, "Total": 5}
    for kind, word in (("overpayments", "OVERPAYMENT"), ("prepayments", "PREPAYMENT")):
        made = control("POST", f"organisations/1/{kind}", {**about, "Type": f"SPEND-{word}"})[0]
        key = made[f"{word.title()}ID"]
        control("POST", f"organisations/1/{kind}/{key}/allocations", {"Invoice": bill.invoice_id, "Amount": 1})
        control("POST", f"organisations/1/{kind}/{key}/pay")
    payment = {"Invoice": {"InvoiceID": bill.invoice_id}, "Amount": 1}
    bank = next(one["AccountID"] for one in control("GET", "organisations/1/accounts") if one["Type"] == "BANK")
    control("POST", "organisations/1/batchpayments", {"Account": {"AccountID": bank}, "Payments": [payment]})
    assert float(accounting.get_overpayments(api.tenant, page=1).overpayments[0].remaining_credit) == 0
    assert float(accounting.get_prepayments(api.tenant, page=1).prepayments[0].applied_amount) == 1
    assert accounting.get_batch_payments(api.tenant).batch_payments[0].type == "PAYBATCH"
    types = {one.payment_type for one in accounting.get_payments(api.tenant, page=1).payments}
    assert types == {"ACCPAYPAYMENT", "APOVERPAYMENTPAYMENT", "APPREPAYMENTPAYMENT"}
    assert len(accounting.get_invoice(api.tenant, bill.invoice_id).invoices[0].overpayments) == 1


@pytest.mark.parametrize("position", [1, 2])
def test_the_seed_is_read_and_every_field_is_known(monkeypatch, client, position):
    """The whole of what a new organisation has, element by element against the models of the client."""
    with Sandbox(contacts=30, items=10) as sandbox:
        answer = client.rest_client.pool_manager.request(
            "POST", f"{sandbox.url}/_sandbox/tokens", json={"organisations": [str(position)]}
        ).json()
        client.set_oauth2_token({**answer["token"], "scope": answer["token"]["scope"].split()})
        tenant = answer["connections"][0]["tenantId"]
        accounting = AccountingApi(client, base_url=f"{sandbox.url}/api.xro/2.0")
        lists = {
            "Invoice": accounting.get_invoices,
            "PurchaseOrder": accounting.get_purchase_orders,
            "CreditNote": accounting.get_credit_notes,
            "Payment": accounting.get_payments,
            "Overpayment": accounting.get_overpayments,
            "Prepayment": accounting.get_prepayments,
        }
        for name, read in lists.items():
            kind = f"{name}s"
            assert read(tenant, page=1).to_dict()
            headers = {"Authorization": f"Bearer {answer['token']['access_token']}", "xero-tenant-id": tenant}
            url = f"{sandbox.url}/api.xro/2.0/{kind}?page=1"
            raw = client.rest_client.pool_manager.request(
                "GET", url, headers={**headers, "Accept": "application/json"}
            ).json()
            assert raw[kind]
            for element in raw[kind]:
                assert unknown(element, name) == set()


def unknown(element, name):
    """Fields of an element, and of what is inside of it, that the client's model does not have."""
    model = getattr(models, name)
    attributes = {wire: attribute for attribute, wire in model.attribute_map.items()}
    found = {f"{name}.{field}" for field in set(element) - set(attributes) - BESIDES}
    for field, value in element.items():
        inner = model.openapi_types.get(attributes.get(field, ""), "").removeprefix("list[").removesuffix("]")
        if hasattr(getattr(models, inner, None), "attribute_map"):
            for one in value if isinstance(value, list) else [value]:
                found |= unknown(one, inner)
    return found

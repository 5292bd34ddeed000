"""Payments. https://developer.xero.com/documentation/api/accounting/payments

A payment is never changed, only deleted, and the row stays with its amount. Those of a batch are taken back there only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from backoffice.models import (
    Account,
    Bill,
    CompanySettings,
    CreditNote,
    Direction,
    Document,
    Invoice,
    Overpayment,
    Payment,
    Prepayment,
    Record,
)
from backoffice.providers.xero.periods import locked
from backoffice.providers.xero.posted import unposted
from backoffice.providers.xero.shape import WHOLE, Search, Writing, XeroMapper, containing, dig, name, plain
from backoffice.sync.books import Books
from backoffice.sync.mapper import Fact, Field, Payload, Ref, Refusal

#: What can be paid here: our kind, Xero's key of it, and the list that it is in.
TARGETS = {
    Bill.kind: ("Invoice", "InvoiceID", "Invoices"),
    Invoice.kind: ("Invoice", "InvoiceID", "Invoices"),
    CreditNote.kind: ("CreditNote", "CreditNoteID", "CreditNotes"),
}

#: What the word for the type of a paid document holds, and our column of it; the first that fits.
SORTS = {
    "CREDIT": "credit_note_id",
    "OVERPAYMENT": "overpayment_id",
    "PREPAYMENT": "prepayment_id",
    "ACCPAY": "bill_id",
    "ACCREC": "invoice_id",
}


class PaymentMapper(XeroMapper):
    """A payment, both ways; a batch that it was made in, and whether it is reconciled, come in only."""

    model = Payment
    resource = "Payments"
    direction = Direction.BOTH
    id_key = "PaymentID"
    asks = True
    moves_money = True
    resting = {"DELETED": "deleted"}
    match_by = ("name",)
    lookup_key = ("name",)
    theirs = frozenset({"batch_id", "reconciled", "their_status"})
    standing = frozenset({"archived"})
    computed = frozenset({"currency_rate"})
    limits = (
        "A payment cannot be changed; it is voided and recorded anew.",
        "A payment of a batch is taken back in Xero only.",
        "Xero tells of a payment through what is paid only: it comes with that, or with the next Update.",
    )
    fields = (
        Field("name", "Reference"),
        Field("date", "Date"),
        Field("amount", "Amount"),
        Field("currency_rate", "CurrencyRate"),
        Field("archived", "Status"),
        Field("batch_id", "BatchPaymentID"),
        Field("reconciled", "IsReconciled"),
        Field("their_status", "Status"),
    )
    refs = (
        Ref("bill_id", "Invoice.InvoiceID", Bill.kind, optional=True, fetched=True),
        Ref("invoice_id", "Invoice.InvoiceID", Invoice.kind, optional=True, fetched=True),
        Ref("credit_note_id", "CreditNote.CreditNoteID", CreditNote.kind, optional=True, fetched=True),
        Ref("prepayment_id", "Prepayment.PrepaymentID", Prepayment.kind, optional=True, fetched=True),
        Ref("overpayment_id", "Overpayment.OverpaymentID", Overpayment.kind, optional=True, fetched=True),
        Ref("account_id", "Account.AccountID", Account.kind, optional=True),
    )

    def size(self, action: str) -> int:
        return self.batch_size if action == "create" else 1

    def names(self, payload: Payload) -> dict[str, str | None]:
        """Xero shows whatever is paid as an invoice, too; its type says what it is."""
        found = super().names(payload)
        shown = name(payload, "Invoice.InvoiceID")
        sort = str(dig(payload, "Invoice.Type") or payload.get("PaymentType") or "")
        column = next((column for end, column in SORTS.items() if end in sort), None)
        found |= {"bill_id": None, "invoice_id": None}
        if column is not None and shown:
            found[column] = shown
        return found

    def in_time(self, values: dict[str, Any], settings: CompanySettings) -> bool:
        since = settings.bring_in_from
        return settings.brings_in(self.kind) and (since is None or values["date"] >= since)

    def welcome(self, values: dict[str, Any], gone: str | None, settings: CompanySettings) -> bool:
        known = any(values[column] for column in Payment.targets)
        return known and gone is None and self.in_time(values, settings)

    def doubtful(self, record: Record, values: dict[str, Any]) -> bool:
        assert isinstance(record, Payment)
        return (record.amount, record.date) != (values["amount"], values["date"])

    def check(self, record: Record, gone: str | None, books: Books) -> Sequence[Refusal]:
        assert isinstance(record, Payment)
        external_id = books.external_id(self.kind, record.id)
        return self.check_ending(record, books) if record.archived else list(_unmade(record, external_id, books))

    def check_ending(self, record: Record, books: Books) -> Sequence[Refusal]:
        assert isinstance(record, Payment)
        return list(_taken_back(record, books))

    def blocker(self, record: Record, books: Books) -> tuple[str, int] | None:
        """Also a document that is there, but not authorised yet: nothing can be paid of it before."""
        assert isinstance(record, Payment)
        document = record.document
        return unposted(document) or super().blocker(record, books)

    def dump(self, record: Record, books: Books) -> Payload:
        assert isinstance(record, Payment)
        if record.archived:
            return {"Status": "DELETED"}
        assert record.document is not None, "a payment has a document"
        key, id_key, _ = TARGETS[record.document.kind]
        payload: Payload = {
            key: {id_key: books.external_id(record.document.kind, record.document.id)},
            "Account": {"AccountID": books.external_id(Account.kind, record.account_id or 0)},
            "Date": record.date.isoformat(),
            "Amount": plain(record.amount),
            "Reference": record.name,
            "PaymentType": "ACCPAYPAYMENT" if record.bill_id else "ACCRECPAYMENT",
        }
        if record.currency_rate is not None:
            payload["CurrencyRate"] = plain(record.currency_rate)
        return payload

    def writing(self, action: str, payloads: Sequence[Payload]) -> Writing:
        if action == "create":
            kept = [{k: v for k, v in payload.items() if k != "PaymentType"} for payload in payloads]
            return super().writing(action, kept)
        (sent,) = payloads
        return Writing("POST", f"Payments/{sent['PaymentID']}", json.dumps({"Status": "DELETED"}).encode(), "Payments")

    def search(self, payload: Payload) -> Search | None:
        where = containing("Reference", str(payload.get("Reference") or "")).get("where")
        return Search("Payments", {"where": where, **WHOLE}, "Payments") if where else None

    def found(self, sent: Payload, row: Payload) -> bool:
        paid = [name(each, "Invoice.InvoiceID") or name(each, "CreditNote.CreditNoteID") for each in (sent, row)]
        return super().found(sent, row) and paid[0] == paid[1]

    def arrived(self, sent: Payload, there: Payload) -> bool:
        return self.gone(there) is not None if "Amount" not in sent else super().arrived(sent, there)


def _taken_back(record: Payment, books: Books) -> Iterator[Refusal]:
    if record.batch_id:
        words = "This payment was made in a batch in Xero and can be taken back there only. Restore it here."
        yield Refusal(words, "batch_payment", "archived")
    yield from locked(record.date, books, "a payment", back=True)


def _unmade(record: Payment, external_id: str | None, books: Books) -> Iterator[Refusal]:
    if external_id:
        words = "Xero changes no payment. Void this one and record it anew."
        yield Refusal(words, "payment_fixed", "amount")
        return
    yield from _account(record, books)
    yield from locked(record.date, books, "the payment")
    document = record.document
    if isinstance(document, Document):
        yield from _due(record, document, books)
    else:
        yield Refusal("This payment is for nothing that is kept here.", "nothing_paid", "amount")


def _account(record: Payment, books: Books) -> Iterator[Refusal]:
    account = record.account
    if account is None:
        yield Refusal("Choose the account that the payment was made from or to.", "account_missing", "account_id")
    elif account.archived or books.external_id(Account.kind, account.id) is None:
        words = f"Account {account} is not in use in Xero. Choose another."
        yield Refusal(words, "account_archived", "account_id", fact=Fact("Accounts"))
    elif not account.pays:
        words = f"Xero takes no payments on account {account}. Choose a bank account, or allow it there."
        yield Refusal(words, "account_takes_no_payments", "account_id", fact=Fact("Accounts"))


def _due(record: Payment, document: Document, books: Books) -> Iterator[Refusal]:
    external_id = books.external_id(document.kind, document.id)
    if external_id is None and not document.voided:
        return  # it waits for it
    fact = Fact(TARGETS[document.kind][2], external_id) if external_id else None
    if document.voided:
        yield Refusal(f"{document} is voided, so nothing can be paid of it.", "document_voided", None, fact=fact)
    elif (left := books.left(document, record)) is not None and record.amount > left:
        words = f"Only {left} of {document} is still due in Xero. Lower the amount."
        yield Refusal(words, "more_than_due", "amount", fact=fact)

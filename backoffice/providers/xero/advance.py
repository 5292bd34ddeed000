"""Prepayments and overpayments, one way in; Xero makes them of bank transactions.

https://developer.xero.com/documentation/api/accounting/overpayments
"""

from __future__ import annotations

from typing import Any

from backoffice.models import CompanySettings, Contact, Overpayment, Prepayment, Side
from backoffice.providers.xero.shape import XeroMapper
from backoffice.sync.mapper import Field, Payload, Ref

FIELDS = (
    Field("name", "Reference"),
    Field("side", "Type"),
    Field("date", "Date"),
    Field("currency", "CurrencyCode"),
    Field("total", "Total"),
    Field("remaining", "RemainingCredit"),
    Field("their_status", "Status"),
    Field("archived", "Status"),
)


class AdvanceMapper(XeroMapper):
    """Money that stands to a party's credit."""

    resting = {"VOIDED": "voided", "DELETED": "deleted"}
    match_by = ()
    fields = FIELDS
    refs = (Ref("contact_id", "Contact.ContactID", Contact.kind, fetched=True),)
    limits = ("It is made and taken back in Xero only.",)

    def read(self, field: Field, payload: Payload) -> Any:
        if field.column == "side":
            return Side.PURCHASES if str(payload.get("Type")).startswith("SPEND") else Side.SALES
        return super().read(field, payload)

    def in_time(self, values: dict[str, Any], settings: CompanySettings) -> bool:
        since = settings.bring_in_from
        return settings.brings_in(self.kind) and (since is None or values["date"] >= since)

    def welcome(self, values: dict[str, Any], gone: str | None, settings: CompanySettings) -> bool:
        return gone is None and self.in_time(values, settings)


class PrepaymentMapper(AdvanceMapper):
    """Paid before there was a document."""

    model = Prepayment
    resource = "Prepayments"
    id_key = "PrepaymentID"


class OverpaymentMapper(AdvanceMapper):
    """Paid beyond what was due."""

    model = Overpayment
    resource = "Overpayments"
    id_key = "OverpaymentID"

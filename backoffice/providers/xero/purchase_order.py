"""Purchase orders. https://developer.xero.com/documentation/api/accounting/purchaseorders

Their prices have two decimals: `unitdp` does not exist here. There is no link between an order and its bills; the bill
carries the order's number as its reference.
"""

from __future__ import annotations

from urllib.parse import quote

from sqlalchemy.orm import object_session

from backoffice.models import Document, Line, PurchaseOrder, Record, Status
from backoffice.models.billing import was_billed_here
from backoffice.models.totals import half_up
from backoffice.providers.xero.document import HEAD, DocumentMapper
from backoffice.providers.xero.shape import Search, plain
from backoffice.sync.books import Books
from backoffice.sync.mapper import Field, Payload


class PurchaseOrderMapper(DocumentMapper):
    """An order; it becomes BILLED there when bills have been made of all of it."""

    model = PurchaseOrder
    resource = "PurchaseOrders"
    id_key = "PurchaseOrderID"
    sent_as = "orders_as"
    voided = "DELETED"
    keeps_number = frozenset({"DELETED"})
    posts = False
    needs_due_date = False
    theirs = DocumentMapper.theirs - {"amount_due", "amount_paid", "amount_credited", "paid_on"}
    standing = DocumentMapper.standing | {"billed"}
    limits = (
        "Xero keeps two decimals of an order's prices.",
        "Xero shows no link between an order and its bills; a bill carries the order's number as its reference.",
        "Xero does not tell when an order changes; it is seen with the next Update.",
    )
    fields = (
        Field("name", "PurchaseOrderNumber"),
        *HEAD,
        Field("billed", "Status"),
        Field("delivery_date", "DeliveryDate"),
        Field("delivery_address", "DeliveryAddress"),
        Field("attention_to", "AttentionTo"),
        Field("telephone", "Telephone"),
        Field("delivery_instructions", "DeliveryInstructions"),
    )

    def read(self, field: Field, payload: Payload) -> object:
        if field.column == "billed":
            return payload.get("Status") == "BILLED"
        return super().read(field, payload)

    def whole(self, record: Record, books: Books) -> Payload:
        payload = super().whole(record, books)
        assert isinstance(record, PurchaseOrder)
        for column in ("delivery_address", "attention_to", "telephone", "delivery_instructions"):
            key = next(field.key for field in self.fields if field.column == column)
            payload[key] = getattr(record, column) or ""
        if record.delivery_date is not None:
            payload["DeliveryDate"] = record.delivery_date.isoformat()
        return payload

    def dump_line(self, record: Document, line: Line, books: Books) -> Payload:
        payload = super().dump_line(record, line, books)
        return {**payload, "UnitAmount": plain(half_up(line.unit_price))} if "UnitAmount" in payload else payload

    def status(self, record: Document, books: Books) -> str:
        assert isinstance(record, PurchaseOrder)
        if record.status is not Status.APPROVED or not (record.billed or record.their_status == "BILLED"):
            return super().status(record, books)
        session = object_session(record)
        opened_again = not record.billed and session is not None and was_billed_here(session, record)
        return "AUTHORISED" if opened_again else "BILLED"

    def search(self, payload: Payload) -> Search | None:
        return self.asked(str(payload.get("PurchaseOrderNumber") or ""))

    def asked(self, number: str) -> Search | None:
        """By its number."""
        return Search(f"PurchaseOrders/{quote(number, safe='')}", {}, self.resource) if number else None

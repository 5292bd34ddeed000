"""What is still owed on a document, and what its status follows from: nobody writes PAID."""

from __future__ import annotations

from decimal import Decimal

from backoffice.sandbox.xero.money import exact, shown, to_places, total
from backoffice.sandbox.xero.shelf import Json

STANDING = ("AUTHORISED", "PAID")
# Where an invoice lists what was credited to it, and under which key the amounts stand there.
CREDITED = ("CreditNotes", "Prepayments", "Overpayments")


def settle_invoice(body: Json) -> None:
    """Amounts paid, credited and due, and whether it is paid, from what is listed in it."""
    paid = total([one["Amount"] for one in body["Payments"]])
    credited = total([one["AppliedAmount"] for kind in CREDITED for one in body[kind]])
    due = exact(body["Total"]) - paid - credited
    body |= {"AmountDue": shown(due), "AmountPaid": shown(paid), "AmountCredited": shown(credited)}
    _follow(body, due, [*body["Payments"], *(one for kind in CREDITED for one in body[kind])])


def settle_credit(body: Json) -> None:
    """What is left of a credit note, an overpayment or a prepayment after allocations and refunds."""
    used = total([one["Amount"] for one in body["Allocations"]])
    refunded = total([one["Amount"] for one in body["Payments"]])
    left = exact(body["Total"]) - used - refunded
    body |= {"RemainingCredit": shown(left), "AppliedAmount": shown(used)}
    _follow(body, left, [*body["Allocations"], *body["Payments"]])


def open_amount(body: Json) -> Decimal:
    """What can still be paid, refunded or allocated."""
    return to_places(exact(body.get("AmountDue", body.get("RemainingCredit", 0))))


def has_money(body: Json) -> bool:
    """Whether a payment or a credit holds the document in place."""
    return any(body.get(kind) for kind in ("Payments", "Allocations", *CREDITED))


def _follow(body: Json, left: Decimal, moves: list[Json]) -> None:
    if body["Status"] not in STANDING:
        return
    body["Status"] = "AUTHORISED" if left else "PAID"
    body.pop("FullyPaidOnDate", None)
    if not left:
        body["FullyPaidOnDate"] = max((one["Date"] for one in moves), default=body["Date"])

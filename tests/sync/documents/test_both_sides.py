"""Whatever is edited, paid and voided on either side, in whatever order: after an Update both sides are equal, or the
difference is listed with its reason.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule, run_state_machine_as_test
from sqlalchemy import select

from backoffice.models import Bill, Document, Invoice, Link, LinkState, Payment, Status
from backoffice.sandbox.xero.fields import InvalidError
from tests.sync.documents.conftest import Papers

PRICES = st.decimals("0.0001", "999", places=4)
EXPLAINED = {LinkState.REFUSED, LinkState.CHANGED, LinkState.BLOCKED, LinkState.GONE}


class Sides(RuleBasedStateMachine):
    """A person here, a person there, and the worker between them."""

    documents = Bundle("documents")

    def __init__(self, papers: Papers) -> None:
        super().__init__()
        self.papers, self.session = papers, papers.session
        self.written: list[Document] = []

    @rule(target=documents, model=st.sampled_from([Bill, Invoice]), price=PRICES, quantity=st.integers(1, 9))
    def write(self, model: type[Document], price: Decimal, quantity: int) -> Document:
        line = self.papers.line(model, unit_price=price, quantity=Decimal(quantity))
        document: Document = self.papers.write(model, line)
        self.written.append(document)
        return document

    @rule(document=documents, price=PRICES)
    def edit_here(self, document: Document, price: Decimal) -> None:
        if document.status is Status.APPROVED:
            document.lines[0].unit_price = price
            document.reference = f"here {price}"
            self.session.commit()

    @rule(document=documents, price=PRICES)
    def edit_there(self, document: Document, price: Decimal) -> None:
        if there := self.there(document):
            line = {k: v for k, v in there["LineItems"][0].items() if k not in ("LineAmount", "TaxAmount")}
            changes = {"Reference": f"there {price}", "LineItems": [{**line, "UnitAmount": float(price)}]}
            self.person_there(lambda: self.papers.office("invoices").edit(there["InvoiceID"], changes))

    @rule(document=documents, part=st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.1")]))
    def pay_here(self, document: Document, part: Decimal) -> None:
        amount = (document.total * part).quantize(Decimal("0.01"))
        if document.status is Status.APPROVED and amount:
            self.papers.pay(document, str(amount))

    @rule(document=documents, part=st.sampled_from([1, 0.5, 0.1]))
    def pay_there(self, document: Document, part: float) -> None:
        if there := self.there(document):
            amount = round(there["AmountDue"] * part, 2)
            self.person_there(lambda: self.papers.office("invoices").pay(there["InvoiceID"], {"Amount": amount}))

    @rule(document=documents)
    def take_a_payment_back_here(self, document: Document) -> None:
        payment = self.payments(document).first()
        if payment is not None:
            payment.archived = True
            self.session.commit()

    @rule(document=documents)
    def take_a_payment_back_there(self, document: Document) -> None:
        if (there := self.there(document)) and (made := there.get("Payments")):
            self.person_there(lambda: self.papers.office("payments").delete(made[0]["PaymentID"]))

    @rule(document=consumes(documents), here=st.booleans())
    def void(self, document: Document, here: bool) -> None:
        if here:
            document.status, document.archived = Status.VOIDED, True
            self.session.commit()
        elif there := self.there(document):
            self.person_there(lambda: self.papers.office("invoices").act(there["InvoiceID"], "void", {}))

    @rule()
    def push(self) -> None:
        self.papers.push()

    @rule()
    def update(self) -> None:
        self.papers.book.update()

    def payments(self, document: Document) -> Any:
        column = Payment.bill_id if isinstance(document, Bill) else Payment.invoice_id
        return self.session.scalars(select(Payment).where(column == document.id, Payment.archived.is_(False)))

    def there(self, document: Document) -> dict[str, Any] | None:
        """What is there, if it is."""
        link = self.session.scalar(select(Link).filter_by(kind=document.kind, record_id=document.id))
        return self.papers.there(document) if link and link.external_id else None

    def person_there(self, act: Callable[[], object]) -> None:
        """What Xero does not allow a person is not done."""
        with contextlib.suppress(InvalidError):
            act()

    def teardown(self) -> None:
        for _ in range(2):
            self.papers.book.update()
        for document in self.written:
            self.session.refresh(document)
            self.equal_or_explained(document)

    def equal_or_explained(self, document: Document) -> None:
        link = self.session.scalar(
            select(Link).filter_by(kind=document.kind, record_id=document.id).execution_options(populate_existing=True)
        )
        if link is None or link.external_id is None:
            assert document.archived or (link and link.state in EXPLAINED), (document, link and link.state)
            return
        there = self.papers.there(document)
        assert document.their_status == there["Status"]
        assert document.amount_due == Decimal(str(there["AmountDue"]))
        if link.state in EXPLAINED:
            assert link.refusal or link.changed_there or link.blocked_kind or link.gone
            return
        assert link.state is LinkState.INTEGRATED
        assert (document.total, document.reference or "") == (Decimal(str(there["Total"])), there.get("Reference", ""))
        sent = [p for p in self.payments(document) if self.papers.book.link_of(p).state is LinkState.INTEGRATED]
        assert sum((p.amount for p in sent), Decimal(0)) == Decimal(str(there["AmountPaid"]))


#: No shrinking: an example takes seconds, and what failed is told step by step.
LIMITS = settings(
    max_examples=6,
    stateful_step_count=12,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_both_sides_are_equal_or_the_difference_is_explained(papers: Papers) -> None:
    machine: Any = partial(Sides, papers)
    run_state_machine_as_test(machine, settings=LIMITS)

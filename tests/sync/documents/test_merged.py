"""Merged contacts: what is here follows to the one that is left there, and nothing is doubled or asked."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from backoffice.admin.doors import doors_of
from backoffice.models import Alert, Bill, Contact, JobState, Link, LinkState, Role, Undo, User
from backoffice.models.leased import claim
from backoffice.past import undo
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sync import merged as merging
from tests.sync.documents.conftest import Papers
from tests.sync.test_locks import Aside

OLD, NEW = "12-3456-7890123-00", "99-9999-9999999-99"


@pytest.fixture
def merged(papers: Papers) -> tuple[Contact, Contact]:
    """Two suppliers of ours that are both there."""
    pair = papers.party("Old Ltd"), papers.party("New Ltd")
    papers.push()
    return pair


def merge(papers: Papers, old: Contact, new: Contact) -> None:
    office = papers.office("contacts")
    office.merge(papers.book.link_of(old).external_id or "", papers.book.link_of(new).external_id or "")
    papers.book.theirs.forget_calls()


def restore(papers: Papers, contact: Contact) -> str:
    """Make it one of its own again; returns its id there."""
    key = papers.book.link_of(contact).external_id or ""
    papers.office("contacts").edit(key, {"ContactStatus": "ACTIVE"})
    shelf = papers.book.theirs.shelf("Contacts")
    row = shelf.get(key)
    assert row is not None
    row.body.pop("MergedToContactID", None)
    shelf.put(row)
    return key


def test_its_documents_follow(papers: Papers, merged: tuple[Contact, Contact]) -> None:
    old, new = merged
    sent = papers.bill(contact=old)
    papers.push()
    draft = papers.bill(contact=old, approved=False)
    papers.office("invoices").add(papers_like(papers, sent))
    papers.book.update()
    merge(papers, old, new)
    papers.book.update()
    papers.session.expire_all()
    mine = papers.session.query(Bill).filter(Bill.id.in_([sent.id, draft.id]) | (Bill.name == "THERE-1"))
    assert (old.archived, papers.book.link_of(old).merged_into_id) == (True, new.id)
    assert [bill.contact_id for bill in mine] == [new.id] * 3
    assert [entry.field for entry in papers.book.history(draft)][-1] == "contact_id"
    assert papers.state(sent) == LinkState.INTEGRATED
    assert (papers.book.theirs.writes(), papers.book.waiting()) == ([], False)
    assert papers.book.update().changed_nothing


def papers_like(papers: Papers, bill: Bill) -> dict[str, object]:
    """What a person there writes who makes another bill of the same supplier."""
    there = papers.there(bill)
    line = {"Description": "Made there", "Quantity": 1, "UnitAmount": 5, "AccountCode": "300"}
    return {
        "Type": "ACCPAY", "Contact": {"ContactID": there["Contact"]["ContactID"]}, "InvoiceNumber": "THERE-1",
        "DueDate": "2026-12-20", "LineItems": [line],
    }  # fmt: skip


def test_what_waits_is_sent_for_the_one_that_is_left(papers: Papers, merged: tuple[Contact, Contact]) -> None:
    old, new = merged
    bill = papers.bill(contact=old)
    papers.push()
    bill.reference = "edited here"
    papers.session.commit()
    merge(papers, old, new)
    papers.book.update()
    there = papers.there(bill)
    left = papers.book.link_of(new).external_id
    assert (there["Reference"], there["Contact"]["ContactID"]) == ("edited here", left)
    assert papers.state(bill) == LinkState.INTEGRATED


def test_a_document_that_still_names_the_old_one_is_the_new_ones(
    papers: Papers, merged: tuple[Contact, Contact]
) -> None:
    old, new = merged
    bill = papers.bill(contact=old)
    papers.push()
    before = papers.there(bill)
    merge(papers, old, new)
    papers.book.update()
    shelf = papers.book.theirs.shelf("Invoices")
    row = shelf.get(before["InvoiceID"])
    assert row is not None
    row.updated = papers.book.theirs.world.clock.milliseconds()
    row.body = {**row.body, "Contact": before["Contact"], "UpdatedDateUTC": ms_date(row.updated)}
    shelf.put(row)
    papers.book.update()
    papers.session.refresh(bill)
    assert (bill.contact_id, papers.state(bill)) == (new.id, LinkState.INTEGRATED)


def test_one_that_is_left_and_not_known_here_is_fetched(papers: Papers, merged: tuple[Contact, Contact]) -> None:
    old, _ = merged
    made = papers.office("contacts").add({"Name": "Made there"})
    row = papers.book.theirs.shelf("Contacts").get(made["ContactID"])
    assert row is not None
    row.updated -= 40 * 86_400_000  # so that no change of it is read
    papers.book.theirs.shelf("Contacts").put(row)
    papers.office("contacts").merge(papers.book.link_of(old).external_id or "", made["ContactID"])
    papers.book.update()
    papers.session.expire_all()
    assert papers.book.link_of(old).merged_into_id == papers.book.contact("Made there").id


def test_a_chain_of_merges_ends_at_the_last_one(papers: Papers, merged: tuple[Contact, Contact]) -> None:
    old, new = merged
    last = papers.party("Last Ltd")
    bill = papers.bill(contact=old)
    papers.push()
    merge(papers, old, new)
    papers.book.update()
    merge(papers, new, last)
    papers.book.update()
    papers.session.expire_all()
    links = papers.session.query(Link).filter_by(merged_into_id=last.id).all()
    assert {link.record_id for link in links} == {old.id, new.id}
    assert bill.contact_id == last.id


def test_roles_kept_here_go_over(papers: Papers, merged: tuple[Contact, Contact]) -> None:
    old, new = merged
    old.customer_here, new.supplier_here = True, False
    papers.session.commit()
    merge(papers, old, new)
    papers.book.update()
    papers.session.refresh(new)
    assert (new.supplier_here, new.customer_here) == (True, True)


def test_rows_that_say_they_are_merged_in_a_circle_stop_nothing(
    papers: Papers, merged: tuple[Contact, Contact]
) -> None:
    old, new = merged
    shelf = papers.book.theirs.shelf("Contacts")
    one, other = (papers.book.link_of(each).external_id or "" for each in merged)
    for key, into in ((one, other), (other, one)):
        papers.office("contacts").edit(key, {"FirstName": "Again"})
        row = shelf.get(key)
        assert row is not None
        row.body["MergedToContactID"] = into
        shelf.put(row)
    job = papers.book.update()
    assert (job.reason, job.state.value) == (None, "completed")
    papers.session.expire_all()
    assert {papers.book.link_of(each).merged_into_id for each in merged} <= {old.id, new.id, None}


def test_one_that_is_merged_no_more_is_itself_again(papers: Papers, merged: tuple[Contact, Contact]) -> None:
    old, new = merged
    merge(papers, old, new)
    papers.book.update()
    assert papers.book.link_of(old).merged_into_id == new.id
    key = restore(papers, old)
    line = {"Description": "Made there", "Quantity": 1, "UnitAmount": 5, "AccountCode": "300"}
    bill = {"Type": "ACCPAY", "Contact": {"ContactID": key}, "InvoiceNumber": "BACK-1", "DueDate": "2026-12-20"}
    papers.office("invoices").add({**bill, "LineItems": [line]})
    papers.book.update()
    papers.session.expire_all()
    made = papers.session.query(Bill).filter_by(name="BACK-1").one()
    assert (old.archived, papers.book.link_of(old).merged_into_id, made.contact_id) == (False, None, old.id)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_saving_a_document_while_its_party_is_merged_is_no_deadlock(
    papers: Papers, merged: tuple[Contact, Contact], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who saves a document takes it first, then its party; so does a merge."""
    old, new = merged
    bill = papers.bill(contact=old)
    papers.push()
    bill_id, old_id, new_id = bill.id, old.id, new.id
    asides: list[Aside] = []
    original = merging._follow

    def save(session: Session) -> None:
        session.get_one(Bill, bill_id).reference = "Saved meanwhile"
        session.flush()
        session.get_one(Contact, old_id).customer_here = True
        session.commit()

    def follow(*args: Any) -> None:
        asides.append(Aside(app, save))  # the merged party is held, what names it is about to be moved
        asides[0].until_it_waits()
        original(*args)

    monkeypatch.setattr(merging, "_follow", follow)
    merge(papers, old, new)
    job = papers.book.update()
    asides[0].join()
    assert (job.state, job.failures) == (JobState.COMPLETED, 0), job.reason
    assert "deadlock" not in repr(asides[0].error)
    papers.session.expire_all()
    assert bill.contact_id == new_id


def test_undoing_the_job_gives_no_document_back_to_the_merged_one(
    papers: Papers, merged: tuple[Contact, Contact]
) -> None:
    old, new = merged
    book, user = papers.book, User(email="ana@example.com", name="Ana", role=Role.OPERATOR)
    papers.session.add(user)
    bill = papers.bill(contact=old)
    papers.push()
    draft = papers.bill(contact=old, approved=False)
    book.update()
    merge(papers, old, new)
    job = book.update()
    asked = undo.ask(papers.session, job, user.id)
    assert asked is not None
    lease = claim(papers.session, Undo, asked.id, 30)
    assert lease is not None
    undo.run(papers.session, lease, doors_of)
    papers.session.expire_all()
    assert (bill.contact_id, draft.contact_id) == (new.id, new.id)
    why = "Old Ltd was merged into New Ltd."
    left = {(one["kind"], one["record_id"], one["why"]) for one in asked.left_over}
    assert left >= {("contact", old.id, why), ("bill", bill.id, why), ("bill", draft.id, why)}
    assert old.archived


@pytest.mark.parametrize(("account", "paid", "raised"), [(NEW, False, 1), (NEW, True, 0), (OLD, False, 0)])
def test_open_bills_that_move_to_another_bank_account_raise_an_alert(
    account: str, paid: bool, raised: int, papers: Papers, merged: tuple[Contact, Contact]
) -> None:
    old, new = merged
    office, book = papers.office("contacts"), papers.book
    office.edit(book.link_of(old).external_id or "", {"BankAccountDetails": OLD})
    bill = papers.bill(contact=old)
    papers.push()
    if paid:
        papers.pay(bill, str(papers.there(bill)["AmountDue"]))
        papers.push()
    office.edit(book.link_of(new).external_id or "", {"BankAccountDetails": account})
    book.update()
    for alert in papers.session.query(Alert):
        alert.acknowledge(None, "rang them")
    papers.session.commit()
    merge(papers, old, new)
    job = book.update()
    papers.session.expire_all()
    assert bill.contact_id == new.id
    found = papers.session.query(Alert).filter_by(acknowledged_at=None).all()
    told = [(alert.record_id, alert.column, alert.old, alert.new, alert.sync_job_id) for alert in found]
    assert told == [(new.id, "bank_account", OLD, NEW, job.id)] * raised


@pytest.mark.parametrize("seen", [True, False])
def test_one_that_was_restored_takes_in_the_other(seen: bool, papers: Papers, merged: tuple[Contact, Contact]) -> None:
    old, new = merged
    bill = papers.bill(contact=new)
    papers.push()
    merge(papers, old, new)
    papers.book.update()
    restore(papers, old)
    if seen:
        papers.book.update()
    merge(papers, new, old)
    papers.book.update()
    papers.session.expire_all()
    assert (old.archived, new.archived, bill.contact_id) == (False, True, old.id)
    assert [papers.book.link_of(each).merged_into_id for each in merged] == [None, old.id]

"""Why isn't it here? Found by number, former name, id or address; explained; and asked of the other side."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import insert, select

from backoffice.extensions import db
from backoffice.models import (
    Bill,
    CompanySettings,
    Contact,
    History,
    Match,
    PurchaseOrder,
    Status,
    SyncJob,
    new_company,
)
from backoffice.sync import by_hand, pending, why
from backoffice.sync.asking import There, ask, askable, bring_in
from backoffice.sync.verdict import Cause
from backoffice.sync.why import Asked, Findings
from tests.databases import EITHER
from tests.questions import questions
from tests.sync.conftest import Book

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

NOWHERE = "99999999-0000-4000-8000-000000000000"


def look(book: Book, text: str, others: tuple[int, ...] = ()) -> Findings:
    asked = Asked(text, book.provider.place(text))
    return why.find(book.session, book.company_id, asked, others)


def said(book: Book, text: str, others: tuple[int, ...] = ()) -> list[tuple[str, list[Cause]]]:
    return [(str(hit.record), hit.causes) for hit in look(book, text, others).hits]


def of_theirs(book: Book, text: str, kind: str = "contact") -> list[tuple[str, There]]:
    mapper = next(mapper for mapper in askable(book.provider) if mapper.kind == kind)
    asked = Asked(text, book.provider.place(text))
    return [(row.name, row.there) for row in ask(book.session, book.provider, book.connection, mapper, asked)]


def settings_of(book: Book) -> CompanySettings:
    return book.session.scalars(select(CompanySettings).filter_by(company_id=book.company_id)).one()


def theirs(book: Book, name: str, **more: Any) -> Contact:
    book.session.rollback()
    book.theirs.add(name, **{"IsSupplier": True, **more})
    book.update("contact")
    return book.contact(name)


@pytest.mark.parametrize("text", ["Kiwi Steel", " kiwi  STEEL ", "K-100", "ar@KIWI.nz", "ACC-9"])
def test_what_is_here_is_found_by_all_that_people_know_it_by(book: Book, text: str) -> None:
    theirs(book, "Kiwi Steel", ContactNumber="K-100", EmailAddress="ar@kiwi.nz", AccountNumber="ACC-9")
    assert said(book, text.strip()) == [("Kiwi Steel", [Cause.HERE])]


def test_what_is_here_is_found_by_its_id_and_by_every_address_of_it(book: Book) -> None:
    link = book.link_of(theirs(book, "Kiwi Steel"))
    url = book.provider.record_url(link.connection, "contact", link.external_id)
    short = link.connection.short_code
    for text in (
        link.external_id,
        str(link.external_id).upper(),
        url,
        f"{url}?tab=history#top",
        f"https://go.xero.com/Contacts/View/{link.external_id}",
        f"https://go.xero.com/organisationlogin/default.aspx?shortcode={short}"
        f"&redirecturl=%2FContacts%2FView.aspx%3FcontactID%3D{link.external_id}",
    ):
        assert said(book, str(text)) == [("Kiwi Steel", [Cause.HERE])], text
    assert look(book, f"https://evil.example/{link.external_id}").hits == []


@pytest.mark.parametrize(
    "text", ["", "%", "'; DROP TABLE contact --", "http://[", "\\", "a" * 5_000, "https://go.xero.com/", "株"]
)
def test_hostile_words_find_nothing_and_harm_nothing(book: Book, text: str) -> None:
    assert not look(book, text)


def test_a_former_name_is_found_however_it_is_written(book: Book) -> None:
    contact = theirs(book, "Kiwi Steel")
    external_id = str(book.link_of(contact).external_id)
    book.session.rollback()
    book.theirs.edit(external_id, Name="Tui Metals")
    book.update("contact")
    contact = book.contact("Tui Metals")
    contact.number = "OLD-1"
    book.session.commit()
    contact.number = "NEW-1"
    book.session.commit()
    for text in ("KIWI steel", "old-1"):
        [hit] = look(book, text).hits
        assert (str(hit.record), hit.formerly) == ("Tui Metals", True)


def test_a_part_of_a_name_and_another_spelling_are_found_where_nothing_else_is(book: Book) -> None:
    theirs(book, "Kiwi Steel Limited")
    for text in ("wi ste", "KIWI-STEEL Ltd."):
        [hit] = look(book, text).hits
        assert (str(hit.record), hit.similar) == ("Kiwi Steel Limited", True)


def test_each_thing_in_the_way_is_named(book: Book) -> None:
    contact = theirs(book, "Kiwi Steel", IsSupplier=False)
    link = book.link_of(contact)
    assert said(book, "Kiwi Steel") == [("Kiwi Steel", [Cause.UNMARKED])]
    contact.supplier_here = True
    pending.pause(book.session, link, "for now")
    book.session.commit()
    assert said(book, "Kiwi Steel") == [("Kiwi Steel", [Cause.PAUSED])]
    pending.resume(book.session, link)
    pending.skip(book.session, link, "no")
    book.session.commit()
    assert said(book, "Kiwi Steel") == [("Kiwi Steel", [Cause.SKIPPED])]
    pending.resume(book.session, link)
    by_hand.unlink_record(book.session, link, book.company_id)
    book.session.commit()
    assert said(book, str(link.let_go_id)) == [("Kiwi Steel", [Cause.UNLINKED])]
    pending.resume(book.session, link)
    link.refusal, link.refusal_cause, link.synced_revision = "No.", "name_taken", 0
    contact.archived = False
    book.session.commit()
    assert said(book, "Kiwi Steel") == [("Kiwi Steel", [Cause.REFUSED])]


def test_archived_on_either_side_is_said(book: Book) -> None:
    theirs(book, "Kiwi Steel", ContactStatus="ARCHIVED")
    assert said(book, "Kiwi Steel") == [("Kiwi Steel", [Cause.ARCHIVED, Cause.GONE_THERE])]


def test_what_waits_says_for_what(book: Book) -> None:
    contact = book.add(name="New one")
    assert said(book, "New one") == [("New one", [Cause.WAITING])]
    book.link_of(contact).blocked_kind = "match"
    book.session.commit()
    assert said(book, "New one") == [("New one", [Cause.QUESTION])]
    settings_of(book).paused = True
    book.session.commit()
    assert said(book, "New one") == [("New one", [Cause.COMPANY_PAUSED, Cause.QUESTION])]


def test_documents_say_what_keeps_them_here(book: Book) -> None:
    contact = theirs(book, "Kiwi Steel")
    settings = settings_of(book)
    settings.send_from, settings.paused_kinds = dt.date(2026, 6, 1), ["purchase_order"]
    order = PurchaseOrder(company_id=book.company_id, contact_id=contact.id, name="PO-77", date=dt.date(2026, 5, 1))
    book.session.add(order)
    book.session.commit()
    assert said(book, "po-77") == [("PO-77", [Cause.KIND_PAUSED, Cause.NOT_APPROVED, Cause.BEFORE_START])]
    settings.send_orders, settings.paused_kinds = False, []
    order.status = Status.APPROVED
    book.session.commit()
    assert said(book, "PO-77") == [("PO-77", [Cause.KIND_OFF, Cause.BEFORE_START])]


def test_several_of_one_number_are_all_listed(book: Book) -> None:
    for name in ("Kiwi Steel", "Tui Metals"):
        contact = theirs(book, name)
        bill = Bill(company_id=book.company_id, contact_id=contact.id, name="INV-1", date=dt.date(2026, 5, 1))
        book.session.add(bill)
        book.session.commit()
    assert [name for name, _ in said(book, "inv-1")] == ["INV-1", "INV-1"]


def test_a_merge_is_told(book: Book) -> None:
    old, kept = theirs(book, "Kiwi Steel"), theirs(book, "Tui Metals")
    book.link_of(old).merged_into_id = kept.id
    book.link_of(old).gone = "archived"
    old.archived = True
    book.session.commit()
    [(name, causes)] = said(book, "Kiwi Steel")
    assert (name, causes[:2]) == ("Kiwi Steel", [Cause.MERGED, Cause.ARCHIVED])
    assert Cause.GONE_THERE not in causes, "nobody restores what was merged"


def test_a_row_in_question_and_one_that_was_set_aside_are_found(book: Book) -> None:
    link = book.link_of(book.add(name="Mine"))
    book.session.add(
        Match(
            connection_id=book.connection_id,
            resource="Contacts",
            link_id=link.id,
            external_id="e-1",
            payload={"Name": "Kiwi Steel", "ContactID": "e-1"},
            matched_by="email",
        )
    )
    job = book.session.scalars(select(SyncJob).limit(1)).one()
    job.notes = [f"A contact could not be read and was set aside ({NOWHERE}): Name is no text"]
    book.session.commit()
    assert [one.external_id for one in look(book, "kiwi steel").candidates] == ["e-1"]
    assert [one.external_id for one in look(book, "e-1").candidates] == ["e-1"]
    assert [found.id for found, _ in look(book, NOWHERE).notes] == [job.id]


def test_other_companies_are_named_only_to_those_who_may_see_them(book: Book) -> None:
    other = new_company(book.session, "Hill Supplies")
    book.session.add(Contact(company_id=other.id, name="Kiwi Steel", supplier_here=True))
    book.session.commit()
    assert said(book, "Kiwi Steel") == []
    assert said(book, "KIWI steel", (other.id,)) == [("Kiwi Steel", [Cause.OTHER_COMPANY])]


def test_the_book_of_another_organisation_is_told_apart(book: Book) -> None:
    contact = theirs(book, "Kiwi Steel")
    contact.book_id = book.connection_id
    book.session.commit()
    assert said(book, "Kiwi Steel") == [("Kiwi Steel", [Cause.OTHER_BOOK])]


def test_what_is_gone_from_here_is_known_by_the_name_that_it_had(book: Book) -> None:
    contact = book.add(name="Kiwi Steel")
    contact.name = "Tui Metals"
    book.session.commit()
    book.session.delete(contact)
    book.session.commit()
    [hit] = look(book, "Kiwi Steel").hits
    assert (hit.record, hit.trace and hit.trace.old) == (None, "Kiwi Steel")


def test_looking_makes_no_call(book: Book) -> None:
    book.theirs.add("Kiwi Steel")
    for text in ("Kiwi Steel", NOWHERE, f"https://go.xero.com/app/!x/contacts/contact/{NOWHERE}"):
        assert not look(book, text)
    assert book.theirs.calls() == {}


def test_what_was_made_there_since_is_newer_and_comes_when_it_is_wanted(book: Book) -> None:
    contact_id = book.theirs.add("Kiwi Steel", ContactNumber="K-100")
    for text in ("Kiwi Steel", "K-100", contact_id):
        book.theirs.forget_calls()
        assert of_theirs(book, text) == [("Kiwi Steel", There.NEWER)]
        assert sum(book.theirs.calls().values()) == 1
    mapper = next(mapper for mapper in askable(book.provider) if mapper.kind == "contact")
    job = bring_in(book.session, book.provider, book.connection, mapper, contact_id)
    assert job is not None
    book.until_done(job)
    assert said(book, contact_id)[0][0] == "Kiwi Steel"


def test_what_is_not_there_either_is_said(book: Book) -> None:
    assert of_theirs(book, "Nobody at all") == []
    assert of_theirs(book, NOWHERE) == []


def test_what_the_settings_keep_out_is_said(book: Book) -> None:
    book.theirs.add("Kiwi Steel")
    settings_of(book).paused_kinds = ["contact"]
    book.session.commit()
    assert of_theirs(book, "Kiwi Steel") == [("Kiwi Steel", There.KIND_PAUSED)]


def test_what_is_here_already_says_so_when_asked(book: Book) -> None:
    theirs(book, "Kiwi Steel")
    assert of_theirs(book, "Kiwi Steel") == [("Kiwi Steel", There.KNOWN)]


@pytest.mark.parametrize("kind", ["item", "account", "tax_rate"])
def test_lists_that_come_whole_are_asked_too(book: Book, kind: str) -> None:
    mapper = next(mapper for mapper in askable(book.provider) if mapper.kind == kind)
    record = book.session.scalars(select(mapper.model).limit(1)).one()
    assert (record.name, There.KNOWN) in of_theirs(book, record.name, kind)


def test_a_million_entries_of_history_do_not_slow_it_down(book: Book) -> None:
    """Every question about the history is answered by an index: the plan says so, whatever the machine."""
    theirs(book, "Kiwi Steel")
    rows = [
        {
            "company_id": book.company_id,
            "kind": "contact",
            "record_id": i,
            "action": "changed",
            "field": "phone",
            "old": str(i),
        }
        for i in range(2_000)
    ]
    book.session.execute(insert(History), rows)
    book.session.commit()
    with questions(db.engine) as asked:
        look(book, "Nobody at all")
    of_history = [statement for statement in asked if "FROM history" in statement]
    assert of_history
    assert all("history.formerly =" in statement and "history.company_id =" in statement for statement in of_history)
    assert "ix_history_formerly" in {index.name for index in History.table().indexes}

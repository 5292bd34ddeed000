"""Matching: what was here before is compared before anything is written there, and a person has the last word."""

from __future__ import annotations

from collections import defaultdict

import pytest
from sqlalchemy import select

from backoffice.errors import ConflictError
from backoffice.models import Item, JobState, Link, LinkState, Match, TrackingCategory, TrackingOption
from backoffice.sandbox.xero.shelf import Selection
from backoffice.sync import by_hand, linking, pending


@pytest.fixture
def before_link(fresh_book):
    """Records of ours, kept before the company was linked: one that is there, one that is not, one in doubt."""
    book = fresh_book
    book.first = book.link()
    rows = [row for row in book.theirs.contacts() if row["ContactStatus"] == "ACTIVE"]
    book.rows = rows
    book.theirs.edit(rows[1]["ContactID"], EmailAddress="shared@post.example")
    book.theirs.edit(rows[2]["ContactID"], EmailAddress="shared@post.example")
    return book


def add_three(book) -> None:
    book.known = book.add(name=book.rows[0]["Name"].upper(), phone="our phone")
    book.new = book.add(name="Nobody There Ltd")
    book.doubtful = book.add(name="Who Is It Ltd", email="Shared@Post.example")


def candidates(book) -> dict[int, list[Match]]:
    found = defaultdict(list)
    for row in book.session.scalars(select(Match)):
        found[row.link_id].append(row)
    return found


def test_nothing_is_sent_before_a_person_has_seen_it(before_link) -> None:
    book = before_link
    add_three(book)
    job = book.run(book.first)
    assert job.state is JobState.COMPLETED
    assert book.theirs.writes() == []
    assert book.connection.push_confirmed_at is None
    found = candidates(book)
    assert [m.matched_by for m in found[book.link_of(book.known).id]] == ["name"]
    assert [m.matched_by for m in found[book.link_of(book.doubtful).id]] == ["email", "email"]
    assert book.link_of(book.new).id not in found
    assert any("wait until you have looked" in note for note in job.notes)


def test_after_the_word_the_clear_one_is_linked_and_the_new_one_created(before_link) -> None:
    book = before_link
    add_three(book)
    book.run(book.first)
    doubtful = book.link_of(book.doubtful)
    by_hand.choose(book.session, book.connection, {doubtful.id: book.rows[2]["ContactID"]}, hold=[])
    book.session.commit()
    job = book.update()
    assert job.state is JobState.COMPLETED, job.reason
    assert book.link_of(book.known).external_id == book.rows[0]["ContactID"]
    assert book.link_of(book.doubtful).external_id == book.rows[2]["ContactID"]
    assert len(book.theirs.named("Nobody There Ltd")) == 1
    assert [write["method"] for write in book.theirs.writes()] == ["PUT"]
    book.session.refresh(book.known)
    assert book.known.name == book.rows[0]["Name"]
    assert "our phone" in {entry.old for entry in book.history(book.known)}
    assert len(book.contacts()) == len(book.theirs.contacts())


def test_what_a_restore_left_open_is_answered_by_the_match(before_link) -> None:
    book = before_link
    add_three(book)
    for link in book.session.scalars(select(Link)):
        link.perhaps_there = True
    book.session.commit()
    book.run(book.first)
    doubtful = book.link_of(book.doubtful)
    by_hand.choose(book.session, book.connection, {doubtful.id: book.rows[2]["ContactID"]}, hold=[])
    book.session.commit()
    book.update()
    left = select(Link.id).where(Link.perhaps_there)
    assert book.session.scalars(left).all() == [], "else its edits are sent unchecked from then on"


def test_none_of_these_is_created_and_the_others_are_kept_as_they_are(before_link) -> None:
    book = before_link
    add_three(book)
    book.run(book.first)
    doubtful = book.link_of(book.doubtful)
    by_hand.choose(book.session, book.connection, {doubtful.id: None}, hold=[book.link_of(book.new).id])
    book.session.commit()
    book.update()
    assert len(book.theirs.named("Who Is It Ltd")) == 1
    assert book.theirs.named("Nobody There Ltd") == []
    assert book.link_of(book.new).state is LinkState.PAUSED
    assert {book.contact(book.rows[1]["Name"]).email, book.contact(book.rows[2]["Name"]).email} == {
        "shared@post.example"
    }


def test_where_nothing_was_here_before_nobody_is_asked(book) -> None:
    assert book.connection.push_confirmed_at is not None


def test_a_supplier_made_on_both_sides_is_linked_and_theirs_stays(book) -> None:
    contact = book.add(name="Made Twice Ltd", email="ours@here.example")
    book.theirs.add("made twice ltd", EmailAddress="theirs@there.example")
    job = book.push()
    assert job.state is JobState.COMPLETED
    assert book.theirs.writes() == []
    book.session.refresh(contact)
    assert (contact.name, contact.email) == ("made twice ltd", "theirs@there.example")
    assert book.link_of(contact).state is LinkState.INTEGRATED
    assert {"Made Twice Ltd", "ours@here.example"} <= {entry.old for entry in book.history(contact)}


def test_a_number_says_more_than_an_address_and_that_more_than_a_name(book) -> None:
    contact = book.add(name="By Name Ltd", number="OUR-77", email="mail@by.example")
    book.theirs.add("By Name Ltd")
    by_number = book.theirs.add("By Number Ltd", ContactNumber="our-77")
    book.theirs.add("By Mail Ltd", EmailAddress="MAIL@by.example")
    book.update("contact")
    assert book.link_of(contact).external_id == by_number
    assert {"By Name Ltd", "By Mail Ltd"} <= {c.name for c in book.contacts() if c.id != contact.id}


def test_several_hits_ask_a_person_and_hold_nothing_else_up(book) -> None:
    contact = book.add(name="Which Ltd", email="which@one.example")
    other = book.add(name="Passes By Ltd")
    book.theirs.add("One Ltd", EmailAddress="which@one.example")
    book.theirs.add("Two Ltd", EmailAddress="which@one.example")
    job = book.push()
    assert job.state is JobState.COMPLETED
    assert book.link_of(contact).state is LinkState.BLOCKED
    assert book.link_of(other).state is LinkState.INTEGRATED


def test_an_archived_one_there_is_explained(book) -> None:
    contact = book.add(name="Sleeping Ltd")
    book.theirs.add("Sleeping Ltd", ContactStatus="ARCHIVED")
    job = book.push()
    link = book.link_of(contact)
    assert (job.refused, link.refusal_cause) == (1, "archived_there")
    assert book.theirs.writes() == []
    contact.name = "Wide Awake Ltd"
    book.session.commit()
    assert book.push().sent == 1


def test_an_item_kept_here_is_matched_by_its_code(fresh_book) -> None:
    book = fresh_book
    first = book.link()
    code = book.theirs.shelf("Items").bodies()[0]["Code"]
    item = Item(company_id=book.company_id, code=code.lower(), name="Our name for it")
    book.session.add(item)
    book.session.commit()
    book.run(first)
    book.session.refresh(item)
    assert book.link_of(item).state is LinkState.INTEGRATED
    assert item.code == code
    assert len(book.session.scalars(select(Item)).all()) == len(book.theirs.shelf("Items").bodies())


def test_linking_by_hand_takes_the_place_of_the_other(book) -> None:
    mine = book.add(name="Acme Trading As Usual")
    other = book.contact(next(r["Name"] for r in book.theirs.contacts() if r["ContactStatus"] == "ACTIVE"))
    name, external_id = other.name, book.link_of(other).external_id
    assert other in by_hand.integrated_like(book.session, mine, name[:5].upper())
    by_hand.link_by_hand(book.session, mine, other)
    book.session.commit()
    assert (mine.name, other.archived) == (name, True)
    assert book.link_of(mine).external_id == external_id
    assert book.link_of(mine).state is LinkState.INTEGRATED
    book.update("contact")
    assert book.theirs.writes() == []


def test_what_is_unlinked_by_hand_is_not_sent_again(book) -> None:
    contact = book.contact(book.theirs.contacts()[0]["Name"])
    by_hand.unlink_record(book.session, book.link_of(contact), book.company_id)
    book.session.commit()
    contact.city = "Elsewhere"
    book.session.commit()
    book.push()
    assert book.theirs.writes() == []
    assert book.link_of(contact).state is LinkState.PAUSED


def test_what_is_unlinked_by_hand_gets_no_twin_and_comes_back_when_it_is_resumed(book) -> None:
    item = book.session.scalars(select(Item)).first()
    link = book.link_of(item)
    external_id = link.external_id
    by_hand.unlink_record(book.session, link, book.company_id)
    book.session.commit()
    job = book.update()
    assert job.changed_nothing
    assert len(book.session.scalars(select(Item)).all()) == len(book.theirs.shelf("Items").bodies())
    pending.resume(book.session, book.link_of(item))
    book.session.commit()
    book.update()
    assert book.link_of(item).external_id == external_id
    assert book.link_of(item).state is LinkState.INTEGRATED


def test_an_option_is_matched_within_its_own_category(fresh_book) -> None:
    book = fresh_book
    first = book.link()
    shelf = book.theirs.shelf("TrackingCategories")
    one, two = shelf.rows(Selection())[:2]
    two.body["Options"].append({**one.body["Options"][0], "TrackingOptionID": "11111111-1111-4111-8111-111111111111"})
    shelf.put(two)
    ours = TrackingCategory(company_id=book.company_id, name=one.body["Name"])
    book.session.add(ours)
    book.session.flush()
    option = TrackingOption(company_id=book.company_id, category_id=ours.id, name=one.body["Options"][0]["Name"])
    book.session.add(option)
    book.session.commit()
    book.run(first)
    assert book.link_of(option).external_id == one.body["Options"][0]["TrackingOptionID"]
    assert len(book.session.scalars(select(TrackingOption)).all()) == sum(
        len(body["Options"]) for body in shelf.bodies()
    )


def test_linking_again_takes_up_where_it_stopped(book) -> None:
    links = set(book.session.scalars(select(Link.id)))
    linking.unlink(book.session, book.connection)
    contact = book.contact(next(r["Name"] for r in book.theirs.contacts() if r["ContactStatus"] == "ACTIVE"))
    contact.city = "Written While Apart"
    book.session.commit()
    book.theirs.forget_calls()
    job = book.run(book.link())
    assert job.state is JobState.COMPLETED
    assert set(book.session.scalars(select(Link.id))) == links
    assert book.theirs.writes() == []
    by_hand.choose(book.session, book.connection, {}, [])
    book.session.commit()
    book.update()
    assert "Written While Apart" in str(book.theirs.contact(contact.name)["Addresses"])


def test_what_is_another_records_by_now_is_not_resumed(book) -> None:
    row = next(row for row in book.theirs.contacts() if row["ContactStatus"] == "ACTIVE")
    contact = book.contact(row["Name"])
    by_hand.unlink_record(book.session, book.link_of(contact), book.company_id)
    book.session.commit()
    other = book.add(name="Somebody Else Ltd", email="one@there.example")
    book.theirs.edit(row["ContactID"], EmailAddress="one@there.example")
    book.update("contact")
    assert book.link_of(other).external_id == row["ContactID"]
    link = book.link_of(contact)
    with pytest.raises(ConflictError, match="Unlink it first"):
        pending.resume(book.session, link)
    book.session.commit()
    assert (link.paused, link.let_go_id) == (True, row["ContactID"])


def test_what_only_comes_in_never_waits_to_be_sent(fresh_book) -> None:
    book = fresh_book
    first = book.link()
    code = book.theirs.shelf("Items").bodies()[0]["Code"]
    twins = [Item(company_id=book.company_id, code=spelt, name=spelt) for spelt in (code.lower(), code.upper())]
    book.session.add_all(twins)
    book.session.commit()
    book.run(first)
    link = book.link_of(twins[0])
    assert link.blocked_kind == "match"
    pending.pause(book.session, link, "for now")
    book.session.commit()
    pending.resume(book.session, link)
    book.session.commit()
    assert (link.pending, book.waiting()) == (False, False)

"""Xero at the door, over sockets: its intent to receive, its deliveries, and several of them at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from threading import Thread
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from backoffice import clock
from backoffice.clock import now
from backoffice.config import Settings
from backoffice.models import JobState, Notice, SyncJob, Work
from backoffice.sandbox.xero import webhooks
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync import notice_board, webhook
from backoffice.sync.provider import Notified
from tests.databases import EITHER, Applications
from tests.sync.conftest import Book
from tests.sync.test_notices import pending, read

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

CLIENT = "demo-custom"


@pytest.fixture
def app(settings: Settings, applications: Applications) -> Iterator[Flask]:
    """With the door, which the other tests of the engine need not have."""
    with applications.lent(settings, screens=True) as app:
        yield app


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the application answers, on a socket."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    serving.start()
    yield f"http://localhost:{server.server_port}/webhooks/xero"
    server.shutdown()
    serving.join()
    server.server_close()


def test_xero_registers_delivers_and_the_change_is_here(book: Book, sandbox: Sandbox, address: str) -> None:
    hook = webhooks.register(sandbox.world, CLIENT, address, list(webhooks.CATEGORIES))
    webhooks.change(sandbox.world, CLIENT, held=1)
    assert sandbox.sender.intent(CLIENT) == "Response not 200 OK: 401", "the key is not kept here yet"
    webhook.keep_key(book.session, book.provider, hook.key)
    assert sandbox.sender.intent(CLIENT) == ""
    sandbox.office("contacts").edit(book.theirs.contacts()[0]["ContactID"], {"Name": "Kowhai Press"})
    (made,) = sandbox.sender.deliver_all(CLIENT)
    assert (made.status, made.problem, pending(book)) == (200, "", 1)
    assert [each.problem for each in sandbox.sender.repeat(CLIENT)] == [""]
    read(book)
    job = book.session.scalars(select(SyncJob).filter_by(work=Work.NOTICES)).one()
    clock.use(lambda moment=job.due_at: moment)  # type: ignore[misc]
    try:
        assert book.run(job).state is JobState.COMPLETED
    finally:
        clock.use()
    assert book.contact("Kowhai Press").archived is False
    counted = webhook.of(book.session, book.provider)
    assert counted is not None
    assert (counted.delivered, counted.refused) == (3, 7)


def test_many_deliveries_at_a_time_never_wait_for_each_other_in_a_circle(book: Book) -> None:
    chance, moment = Random(3), now()
    ids = [str(UUID(int=chance.getrandbits(128))) for _ in range(60)]

    def deliver(number: int) -> None:
        mixed = chance.sample(ids, len(ids))
        told = [
            Notified(book.theirs.organisation, "Contacts", each, moment + timedelta(milliseconds=number))
            for each in mixed
        ]
        with book.shop.sessions() as session:
            notice_board.put_up(session, book.provider, told)
            webhook.count(session, book.provider, delivered=1)
            session.commit()

    book.session.rollback()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, range(40)))
    assert {notice.seen_to for notice in book.session.scalars(select(Notice))} == {moment + timedelta(milliseconds=39)}
    counted = webhook.of(book.session, book.provider)
    assert counted is not None
    assert counted.delivered == 40


def test_more_ids_than_an_address_holds_are_asked_for_in_several_calls(book: Book) -> None:
    client = book.provider.client(book.connection, urgent=True)
    book.session.rollback()
    ids = [str(UUID(int=number)) for number in range(1, 41)]
    for resource in ("Payments", "CreditNotes", "Overpayments", "Prepayments"):
        before = client.calls
        assert list(client.by_ids(resource, ids)) == []
        assert client.calls - before == 2

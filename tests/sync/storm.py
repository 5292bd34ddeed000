"""A storm of deliveries: doubled, late, out of order and forged ones, while a worker reads what they tell of.

Time is the test's: each step is a second. It is held against a sliding minute: of no list more calls are made in any
minute than its changed rows, told of or still waiting then, divided by forty and rounded up.
"""

from __future__ import annotations

from collections import defaultdict
from math import ceil
from random import Random
from time import process_time

from flask.testing import FlaskClient
from sqlalchemy import select

import jobs as rung
from backoffice.models import JobState, Notice, SyncJob, Webhook, Work
from backoffice.sandbox.xero import webhooks
from backoffice.sandbox.xero.shelf import Selection
from backoffice.sync import webhook
from tests.sync.conftest import Book
from tests.sync.hook import Hook

LISTS = ("Contacts", "Invoices", "CreditNotes")
DOOR = "/webhooks/xero"
MINUTE = 60

SELECTION = Selection(order="id")
WAITING = select(Notice.resource, Notice.external_id).where(Notice.pending)

Message = tuple[bytes, str]


class Storm:
    """Deliveries to a company's door until so many were made."""

    def __init__(self, book: Book, hook: Hook, client: FlaskClient, chance: Random, latest: int = 90) -> None:
        """`latest` is how late a delivery may come, in seconds."""
        self.book, self.hook, self.client, self.chance, self.latest = book, hook, client, chance, latest
        webhook.keep_key(book.session, book.provider, hook.key)
        self.offices = {name: book.sandbox.office(name.lower()) for name in LISTS}
        self.ids = {
            name: sorted(row.id for row in office.shelf.rows(SELECTION)) for name, office in self.offices.items()
        }
        self.later: dict[int, list[Message]] = defaultdict(list)
        self.step = self.signed = self.forged = 0
        self.seconds = 0.0
        #: By list and step: the calls made, and the rows that were told of or waited.
        self.calls: dict[str, list[int]] = {name: [] for name in LISTS}
        self.rows: dict[str, list[set[str]]] = {name: [] for name in LISTS}

    @property
    def made(self) -> int:
        return self.signed + self.forged

    def rage(self, deliveries: int, each_second: int) -> None:
        """Change rows there, deliver what comes of it in disorder, and let a worker do what is due."""
        while self.made < deliveries:
            self._change(each_second)
            self._second()

    def calm_down(self) -> None:
        """Deliver what is late, and read what waits."""
        while self.later or self._waiting():
            self._second()

    def _second(self) -> None:
        for message in self.later.pop(self.step, []):
            self._deliver(*message)
        before = dict(self.book.theirs.calls())
        waiting = self._waiting()
        self._work()
        after = self.book.theirs.calls()
        for name in LISTS:
            self.calls[name].append(after.get(f"GET {name}", 0) - before.get(f"GET {name}", 0))
            self.rows[name].append({external_id for resource, external_id in waiting if resource == name})
        self.step += 1
        self.hook.pass_time(1)

    def _change(self, number: int) -> None:
        for _ in range(number):
            name = self.chance.choice(LISTS)
            row_id, text = self.chance.choice(self.ids[name]), f"Step {self.step}"
            self.offices[name].edit(row_id, {"FirstName" if name == "Contacts" else "Reference": text})
        for message in self.hook.messages(size=self.chance.choice((1, 1, 2, 5))):
            self._send_later(message)

    def _send_later(self, message: Message) -> None:
        """Now or late, once or several times, and forgeries of it."""
        body, signature = message
        for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
            self.later[self.step + self.chance.choice((0, 0, 0, 1, 7, self.chance.randrange(self.latest)))].append(
                message
            )
        if self.chance.random() < 0.4:
            bad = self.chance.choice(((body + b" ", signature), (body, webhooks.missigned(signature)), (body, "")))
            self.later[self.step].append(bad)

    def _deliver(self, body: bytes, signature: str) -> None:
        good = signature == webhooks.sign(body, self.hook.key)
        started = process_time()
        answer = self.client.post(DOOR, data=body, headers={"x-xero-signature": signature})
        self.seconds += process_time() - started
        assert (answer.status_code, answer.data) == ((200, b"") if good else (401, b""))
        self.signed, self.forged = self.signed + good, self.forged + (not good)

    def _work(self) -> None:
        """What the ring and the scheduler lead to in this second."""
        rung.notices(self.book.connection_id)
        session = self.book.session
        waits = select(SyncJob.id, SyncJob.due_at).where(
            SyncJob.work == Work.NOTICES, SyncJob.state == JobState.PENDING
        )
        due = [job_id for job_id, due_at in session.execute(waits) if due_at <= self.hook.moment]
        session.rollback()
        for job_id in due:
            rung.run(job_id)

    def _waiting(self) -> set[tuple[str, str]]:
        session = self.book.session
        found = {(row.resource, row.external_id) for row in session.execute(WAITING)}
        session.rollback()
        return found

    def worst(self, name: str) -> float:
        """The largest share that the calls of any minute had of what is allowed; up to 1 is kept."""
        share, calls, rows = 0.0, self.calls[name], self.rows[name]
        for start in range(len(calls)):
            made = sum(calls[start : start + MINUTE])
            if made:
                share = max(share, made / ceil(len(set().union(*rows[start : start + MINUTE])) / 40))
        return share

    def counted(self) -> Webhook:
        self.book.session.expire_all()
        found = webhook.of(self.book.session, self.book.provider)
        assert found is not None
        return found

    def differing(self) -> list[str]:
        """Contacts that are not here as they are there."""
        here = {self.book.link_of(contact).external_id: contact.first_name for contact in self.book.contacts()}
        return [
            body["Name"] for body in self.book.theirs.contacts() if here[body["ContactID"]] != body.get("FirstName")
        ]

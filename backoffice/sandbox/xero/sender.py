"""The sender: delivers to the webhooks of apps, from a thread that there is only while an address is registered."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from flask import Flask

from backoffice.sandbox.xero import webhooks
from backoffice.sandbox.xero.shelf import Json
from backoffice.sandbox.xero.webhooks import Answer, Event, Webhook
from backoffice.sandbox.xero.world import World

SENDER = "xero_sandbox_sender"
#: An answer has to come within so many seconds.
TIMEOUT = 5.0
#: How often the thread looks for something to deliver, in seconds.
LOOK = 0.25
#: How many deliveries are kept to be looked at and sent again.
KEPT = 200


@dataclass(frozen=True)
class Delivery:
    """One delivery that was made, and what came of it."""

    number: int
    sent: int
    events: int
    status: int | None
    problem: str

    def shown(self) -> Json:
        return dict(vars(self))


class Sender:
    """Delivers what waits, in order, again and again ever rarer, until a day has passed in vain."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Deliver in the background from now on, if any app has a webhook."""
        with self._lock:
            if webhooks.every(self._world) and (self._thread is None or not self._thread.is_alive()):
                self._stop.clear()
                self._thread = threading.Thread(target=self._run, name="xero-sandbox-webhooks", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK):
            found = webhooks.every(self._world)
            if not found:
                return
            for webhook in found:
                if webhook.status == "ok" and not webhook.held and webhook.due <= self._world.clock.milliseconds():
                    self.deliver(webhook.client)

    def intent(self, client: str) -> str:
        """Ask for the intent to receive: says what is wrong with the answers; nothing, if it may be delivered to."""
        webhook = self._known(client)
        body = webhooks.body_of(self._world, [])
        good = webhooks.sign(body, webhook.key)
        signatures = [good, *[webhooks.missigned(good)] * 3]
        random.shuffle(signatures)
        problem = ""
        for signature in signatures:
            answer = self._post(webhook, body, signature)
            problem = problem or self._wrong_intent(answer, signature == good)
        status = "new" if problem else "ok"
        webhooks.change(self._world, client, status=status, problem=problem, failures=0, failing_since=None, due=0)
        self.wake()
        return problem

    @staticmethod
    def _wrong_intent(answer: Answer, good: bool) -> str:
        if good or answer.status is None:
            return webhooks.wrong(answer)
        return "" if answer.status == 401 else "Response to incorrectly signed payload not 401"

    def deliver(self, client: str, size: int = webhooks.BATCH) -> Delivery | None:
        """Deliver the oldest of what waits; None when nothing does."""
        webhook = self._known(client)
        events = webhooks.waiting(self._world, client, size)
        return self._try(webhook, events) if events else None

    def deliver_all(self, client: str, size: int = webhooks.BATCH, shuffle: bool = False) -> list[Delivery]:
        """Deliver all that waits now, one delivery after the other, if need be in disorder."""
        webhook, events = self._known(client), webhooks.waiting(self._world, client)
        if shuffle:
            random.shuffle(events)
        return [self._try(webhook, events[at : at + size]) for at in range(0, len(events), size)]

    def repeat(self, client: str, last: int = 1) -> list[Delivery]:
        """Send the last deliveries once more, byte by byte."""
        webhook = self._known(client)
        sql = "SELECT body, events FROM webhook_delivery WHERE client = ? ORDER BY number DESC LIMIT ?"
        rows = self._world.store.rows(sql, (client, last))
        return [self._send(webhook, body, events) for body, events in reversed(rows)]

    def _try(self, webhook: Webhook, events: Sequence[Event]) -> Delivery:
        delivery = self._send(webhook, webhooks.body_of(self._world, events), len(events))
        if delivery.problem:
            self._failed(webhook, delivery.problem)
        else:
            webhooks.delivered(self._world, webhook.client, events)
            webhooks.change(self._world, webhook.client, failures=0, failing_since=None, due=0, problem="")
        return delivery

    def _failed(self, webhook: Webhook, problem: str) -> None:
        """Try later, ever rarer; after a day no more."""
        now = self._world.clock.milliseconds()
        since = webhook.failing_since or now
        wait = webhooks.RETRIES[min(webhook.failures, len(webhooks.RETRIES) - 1)]
        status = "off" if now - since >= webhooks.PATIENCE else webhook.status
        changes = {"status": status, "problem": problem, "failing_since": since, "due": now + wait * 1000}
        webhooks.change(self._world, webhook.client, **changes, failures=webhook.failures + 1)

    def _send(self, webhook: Webhook, body: bytes, events: int) -> Delivery:
        answer = self._post(webhook, body, webhooks.sign(body, webhook.key))
        sent, problem = self._world.clock.milliseconds(), webhooks.wrong(answer)
        store = self._world.store
        with store.transaction():
            store.change(
                "INSERT INTO webhook_delivery (client, sent, events, body, status, problem) VALUES (?, ?, ?, ?, ?, ?)",
                (webhook.client, sent, events, body, answer.status, problem),
            )
            row = store.row("SELECT max(number) FROM webhook_delivery")
            number = int(row[0]) if row else 0
            store.change("DELETE FROM webhook_delivery WHERE number <= ?", (number - KEPT,))
        return Delivery(number, sent, events, answer.status, problem)

    def _post(self, webhook: Webhook, body: bytes, signature: str) -> Answer:
        """One request, and no other after it, whatever the answer says."""
        address = urlsplit(webhook.address)
        path = f"{address.path or '/'}{'?' if address.query else ''}{address.query}"
        headers = {"Content-Type": "application/json; charset=utf-8", "x-xero-signature": signature}
        started = time.monotonic()
        try:
            with closing(_line(address)) as line:
                line.request("POST", path, body, headers)
                answer = line.getresponse()
                found = Answer(answer.status, answer.read(1000), dict(answer.getheaders()))
        except TimeoutError:
            return Answer(None, problem="No answer within 5 seconds")
        except (OSError, http.client.HTTPException, ValueError):
            return Answer(None, problem="Nobody could be reached at this address")
        late = time.monotonic() - started > TIMEOUT
        return Answer(None, problem="No answer within 5 seconds") if late else found

    def recent(self, client: str, limit: int = 20) -> list[Delivery]:
        """The last deliveries, the newest first."""
        sql = (
            "SELECT number, sent, events, status, problem FROM webhook_delivery"
            " WHERE client = ? ORDER BY number DESC LIMIT ?"
        )
        return [Delivery(*row) for row in self._world.store.rows(sql, (client, limit))]

    def _known(self, client: str) -> Webhook:
        found = webhooks.of(self._world, client)
        assert found is not None, f"{client} has no webhook"
        return found


def _line(address: SplitResult) -> http.client.HTTPConnection:
    host = address.hostname or ""
    if address.scheme == "https":
        return http.client.HTTPSConnection(host, address.port, timeout=TIMEOUT)
    return http.client.HTTPConnection(host, address.port, timeout=TIMEOUT)


def sender_of(app: Flask) -> Sender:
    found: Sender = app.extensions[SENDER]
    return found

"""A webhook of the played Xero whose deliveries the test makes, under one clock for both sides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backoffice import clock
from backoffice.sandbox.xero import webhooks
from backoffice.sandbox.xero.server import Sandbox


class Hook:
    """What Xero would deliver; time stands still until the test moves it."""

    def __init__(self, sandbox: Sandbox, client: str = "demo-custom") -> None:
        self.world, self.client = sandbox.world, client
        self.key = webhooks.register(self.world, client, "http://localhost:1/", list(webhooks.CATEGORIES)).key
        webhooks.change(self.world, client, status="ok", held=1)
        self.moment = datetime.now(UTC).replace(microsecond=0)
        self.pass_time(0)

    def pass_time(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.world.clock.set(self.moment, fixed=True)
        clock.use(lambda: self.moment)

    def messages(self, size: int = webhooks.BATCH) -> list[tuple[bytes, str]]:
        """What was changed since the last time: (body, signature) of each delivery."""
        events = webhooks.waiting(self.world, self.client)
        webhooks.delivered(self.world, self.client, events)
        batches = [events[at : at + size] for at in range(0, len(events), size)]
        bodies = [webhooks.body_of(self.world, batch) for batch in batches]
        return [(body, webhooks.sign(body, self.key)) for body in bodies]

"""The jobs that a ring names: they carry ids and mean look. A worker runs these names and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta

import structlog
from flask import current_app
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from backoffice import mail as outbox
from backoffice import outage
from backoffice.clock import now
from backoffice.database import only_reading
from backoffice.errors import LeaseLostError, PausedError
from backoffice.extensions import db
from backoffice.models import Connection, Deletion, StartedBy, Undo, Urgency, Work
from backoffice.models.leased import Lease, Leased, claim
from backoffice.notifying import deliveries, letters, look
from backoffice.past import pruning
from backoffice.past import undo as undoing
from backoffice.queue import doorbell
from backoffice.sync import deletion, jobs, pending
from backoffice.sync import notices as told
from backoffice.sync.run import Workshop
from backoffice.sync.run import run as run_job

log = structlog.get_logger()


def workshop() -> Workshop:
    """What a run needs, from the application at hand."""
    return Workshop(
        session=db.session(),
        sessions=sessionmaker(db.engine, expire_on_commit=False),
        providers=current_app.extensions["providers"],
        settings=current_app.extensions["settings"],
    )


def run(job_id: int) -> None:
    """Do a sync job, if nobody does it, and ring for the next one of its connection."""
    following = run_job(workshop(), job_id)
    if following is not None:
        doorbell.ring("run", following)


def push(connection_id: int) -> None:
    """Send what waits in a connection: see to it that a job does, and do it if it is to be had."""
    shop = workshop()
    connection = shop.session.get(Connection, connection_id)
    if connection is None or not connection.usable or connection.push_confirmed_at is None:
        return
    kinds = [m.kind for m in shop.providers[connection.provider].mappers if m.direction.sends]
    if not pending.anything_to_push(shop.session, connection_id):
        shop.session.rollback()
        return
    with suppress(PausedError):  # just now
        job, _ = jobs.request(
            shop.session,
            connection,
            Work.PUSH,
            kinds,
            title="On save",
            urgency=Urgency.ON_SAVE,
            started_by=StartedBy.SAVE,
        )
        run(job.id)


def notices(connection_id: int) -> None:
    """See to it that a job reads what a webhook told of, and do it if its time has come."""
    shop = workshop()
    connection = shop.session.get(Connection, connection_id)
    if connection is None or not connection.usable:
        return
    gather = timedelta(seconds=shop.settings.webhook_seconds)
    job = told.ask(shop.session, connection, shop.providers[connection.provider], gather)
    if job is not None and job.due_at <= now():
        run(job.id)


def sweep() -> None:
    """Ring again for all that is due and that nobody does."""
    with only_reading(db.session()) as session:
        lying = [(job, id_) for job, ids in _lying(session) for id_ in ids]
        tells = bool(look.companies_told(session))
    for job, id_ in lying:
        doorbell.ring(job, id_)
    if tells:
        doorbell.ring("tell", once_in=look.EVERY)
    outbox.find_lost(session)
    session.rollback()


def _lying(session: Session) -> Iterator[tuple[str, Iterable[int]]]:
    """What is due of each job that takes a number."""
    yield "run", jobs.due_jobs(session)
    yield "push", pending.left_behind(session)
    yield "notices", told.unread(session, current_app.extensions["providers"])
    yield "mail", outbox.due(session)
    yield "deliver", deliveries.due(session)
    yield "delete_company", deletion.due(session)
    yield "undo", undoing.due(session)


def mail(mail_id: int) -> None:
    """Send an e-mail, if it waits and nobody sends it."""
    outbox.send(db.session(), current_app.extensions["settings"], mail_id)


def tell() -> None:
    """See what appeared and what was settled of what needs a person, and tell whoever wants to hear of it."""
    session, settings = db.session(), current_app.extensions["settings"]
    for delivery_id in look.look(session, settings.public_url.rstrip("/")):
        doorbell.ring("deliver", delivery_id)
    for mail_id in letters.write(session, settings):
        doorbell.ring("mail", mail_id)


def deliver(delivery_id: int) -> None:
    """Deliver to a webhook of a company, if it waits and nobody does."""
    deliveries.deliver(db.session(), current_app.extensions["settings"], delivery_id)


def guarded(model: type[Leased], id_: int, work: Callable[[Lease], object]) -> None:
    """Do what one worker does at a time, if it is to be had. What fails is taken up again when its lease is over."""
    session = db.session()
    lease = claim(session, model, id_, current_app.extensions["settings"].lease_seconds)
    if lease is None:
        return
    try:
        work(lease)
    except LeaseLostError as error:
        log.info(error.message, what=model.__name__, id=id_)
    except Exception as error:  # the job boundary: its lease has counted it, and it is given up after some
        session.rollback()
        if isinstance(error, DBAPIError) and outage.words(error):
            raise  # whoever runs the job knows what to say
        log.exception("this met a fault of ours", what=model.__name__, id=id_)


def undo(undo_id: int) -> None:
    """Undo what a sync job changed here, if nobody does it."""
    from backoffice.admin.doors import doors_of  # the screens, of which no other job needs anything

    guarded(Undo, undo_id, lambda lease: undoing.run(db.session(), lease, doors_of))


def prune() -> None:
    """Forget what has been kept for long enough."""
    log.info("pruned", **vars(pruning.prune(db.session())))


def delete_company(deletion_id: int) -> None:
    """Remove what there is of a company that is being deleted, once no job of it is under way."""
    guarded(Deletion, deletion_id, lambda lease: deletion.run(db.session(), lease))


def keep_tokens_alive() -> None:
    """Refresh the tokens of companies that rest, before they expire."""
    for provider in workshop().providers.values():
        provider.keep_alive()


#: Every job by the name it is rung by.
JOBS: dict[str, Callable[..., None]] = {
    "run": run,
    "push": push,
    "notices": notices,
    "mail": mail,
    "tell": tell,
    "deliver": deliver,
    "undo": undo,
    "prune": prune,
    "delete_company": delete_company,
    "keep_tokens_alive": keep_tokens_alive,
}

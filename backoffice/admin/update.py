"""An update that a person asks for: what every Update button does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import url_for
from flask_login import current_user

from backoffice.admin import pauses
from backoffice.admin.messages import say
from backoffice.errors import PausedError
from backoffice.extensions import db
from backoffice.models import Connection
from backoffice.queue import doorbell
from backoffice.sync import jobs


def start_update(connection: Connection, kinds: Sequence[str], due_at: datetime | None = None) -> None:
    """Ask for an update of these kinds, and say which job does it; or by whom they are paused."""
    try:
        job, fresh = jobs.request_update(db.session(), connection, kinds, user_id=current_user.id, due_at=due_at)
    except PausedError as error:
        pauses.say_so(error)
        return
    doorbell.ring("run", job.id, urgent=True)
    said = "Update started." if fresh else "An update of this is under way already; it looks once more before it ends."
    say(said, url_for("sync_jobs.details", id=job.id), "See the job")

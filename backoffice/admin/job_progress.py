"""A job under way, as pages show it live."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from backoffice.admin import job_words, words
from backoffice.admin.estimate import to_go
from backoffice.models import JobState, SyncJob


def job_view(job: SyncJob, provider: str) -> dict[str, Any]:
    """A job as the script shows it live."""
    progress, badge = job.progress or {}, job_words.job_badge(job)
    return {
        "id": job.id,
        "state": job.state.value,
        "open": job.open,
        "text": doing(job, provider),
        "done": progress.get("done"),
        "total": progress.get("total"),
        "calls": job.calls,
        "until": job.due_at.isoformat() if job.waiting_kind else None,
        "summary": job_words.summary(job) or job_words.job_badge(job).word,
        "badge": Markup("{} {}").format(badge.shape, badge.word),
        "colour": badge.colour,
        "duration": words.duration(job.started_at, job.ended_at),
        "estimate": to_go(job),
        "left": None if job.waiting_kind else job.connection.left_this_minute,
    }


def doing(job: SyncJob, provider: str) -> str:
    """What a job is at just now, or waits for."""
    if job.waiting_kind:
        return job_words.waiting_text(job, provider)
    if job.cancel_requested and job.open:
        return "Ends after the batch in flight"
    if job.state is JobState.RUNNING:
        return str((job.progress or {}).get("text") or f"Asking {provider}")
    return job_words.waits(job)

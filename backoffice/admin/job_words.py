"""How the pages speak of sync jobs: their badges, what they did, what they wait for, who asked for them."""

from __future__ import annotations

from backoffice.admin.links import provider_of
from backoffice.admin.words import Badge, kinds_text
from backoffice.clock import now
from backoffice.models import JobState, StartedBy, SyncJob, Waiting, Work

JOB_BADGES = {
    JobState.PENDING: Badge("○", "Pending", "grey"),
    JobState.RUNNING: Badge("●", "Running", "blue"),
    JobState.COMPLETED: Badge("✓", "Completed", "green"),
    JobState.FAILED: Badge("✕", "Failed", "red"),
    JobState.CANCELLED: Badge("–", "Cancelled", "grey"),
}

#: Who or what asked for a job, where it was no person we can name.
STARTED_WORDS = {
    StartedBy.PERSON: "a person",
    StartedBy.SAVE: "by itself, on save",
    StartedBy.SCHEDULE: "by itself, on schedule",
    StartedBy.WEBHOOK: "by itself, when told of changes",
    StartedBy.COMMAND: "from the command line",
}


def job_badge(job: SyncJob) -> Badge:
    """The badge of a job; one with refusals is completed all the same, and says so."""
    if job.state is JobState.COMPLETED and job.refused:
        return Badge("✓", f"Completed with {job.refused:,} refused", "amber")
    if job.state is JobState.PENDING and job.waiting_kind:
        return Badge("◔", "Waiting", "amber")
    return JOB_BADGES[job.state]


def lists_of(job: SyncJob) -> str:
    """What a job covers, by the names of its lists; `everything` where that is all there are."""
    provider = provider_of(job.connection)
    every = {mapper.kind for mapper in provider.mappers} if provider else set()
    return "everything" if every and every <= set(job.kinds) else kinds_text(job.kinds)


def list_read(job: SyncJob, resource: str) -> str:
    """A list of the other side by the kinds that come from it."""
    provider = provider_of(job.connection)
    kinds = [mapper.kind for mapper in provider.mappers if mapper.resource == resource] if provider else []
    return kinds_text(kinds) or resource


def summary(job: SyncJob) -> str:
    """What a job that has ended did, or why it failed, in a line."""
    if job.state is JobState.FAILED and job.reason:
        return job.reason
    parts = [
        (job.created, "new"),
        (job.updated, "updated"),
        (job.archived, "archived"),
        (job.sent, "sent"),
        (job.refused, "refused"),
    ]
    said = ", ".join(f"{count:,} {word}" for count, word in parts if count)
    if said or job.state is not JobState.COMPLETED:
        return said
    if job.work is Work.RECONCILE and job.notes:
        return job.notes[-1]
    if job.work is Work.PREVIEW:
        return "Looked at; nothing was changed"
    if job.work is Work.NOTICES:
        return "Known here already"
    return "Nothing needed to be sent" if job.work is Work.PUSH else "No objects need to be updated"


def waiting_text(job: SyncJob, provider: str) -> str:
    """What a job that is put back waits for."""
    said = job.waiting_for or ""
    if job.waiting_kind is Waiting.LIMIT:
        return f"Waiting for {provider}’s {said.removeprefix('the ')}"
    return f"Waiting for {said}" if job.waiting_kind is Waiting.JOB else said


def asked_by(job: SyncJob) -> str:
    """Who or what asked for a job."""
    return job.user.name if job.user else STARTED_WORDS[job.started_by]


def waits(job: SyncJob) -> str:
    """What a job that nobody has taken up yet waits for."""
    if job.state is not JobState.PENDING:
        return ""
    return "Waits for its time" if job.due_at > now() else "Waits for a worker"

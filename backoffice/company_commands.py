"""`backoffice link`, `update` and `status`: companies and their accounting systems, without a browser or a worker."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from backoffice.command_line import json_option, print_json, table, transaction

if TYPE_CHECKING:
    from backoffice.models import SyncJob

COUNTS = ("created", "updated", "unchanged", "archived", "sent", "refused", "calls")


@click.command()
@click.argument("company")
@click.option("--custom-connection", is_flag=True, help="By client credentials, to their one organisation.")
@click.option("--confirm-push", is_flag=True, help="Send what was kept here before, without a look at what matches.")
@click.option("--another-book", is_flag=True, help="Set aside what is kept here with another organisation.")
@json_option
def link(company: str, custom_connection: bool, confirm_push: bool, another_book: bool, as_json: bool) -> None:
    """Link COMPANY to an organisation. Makes the database and the company where there are none."""
    from backoffice import foreground

    if not custom_connection:
        raise click.UsageError("People link a company on its Integrations page; here it takes --custom-connection.")
    with transaction(migrate=True) as app:
        connection = foreground.link_custom(app, company, confirm_push, another_book)
        row = {"company": company, "provider": connection.provider, "organisation": connection.organisation}
    if as_json:
        print_json(row)
    else:
        click.echo(f"{company} is linked to {row['organisation']}.")


@click.command()
@click.argument("company")
@click.argument("kinds", nargs=-1, metavar="[KIND]...")
@json_option
def update(company: str, kinds: tuple[str, ...], as_json: bool) -> None:
    """Bring in what changed at the accounting system, then send what is pending; all kinds where none is named."""
    from backoffice import foreground, stop

    with stop.at_signals(), transaction() as app, Progress() as progress:
        job = foreground.update(app, company, kinds, progress.show)
        outcome = _outcome(job)
        nothing = job.changed_nothing
    if as_json:
        print_json(outcome)
    elif outcome["state"] == "pending":
        click.echo("The update was stopped; a worker goes on with it.", err=True)
    elif outcome["state"] != "completed":
        click.echo(f"The update is {outcome['state']}: {outcome['reason'] or 'no reason was given'}", err=True)
    elif nothing:
        click.echo("No objects need to be updated.")
    else:
        click.echo(", ".join(f"{outcome[name]} {name}" for name in COUNTS))
    for note in () if as_json else outcome["notes"]:
        click.echo(note)
    sys.exit(outcome["state"] != "completed")


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Print how each company stands with its accounting system."""
    from backoffice import foreground
    from backoffice.extensions import db

    with transaction():
        rows = foreground.status(db.session())
    if as_json:
        print_json(rows)
    else:
        table([_flat(row) for row in rows])


class Progress:
    """A bar for what is being done now; on a pipe only the names of the steps."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._step: tuple[str, int | None] | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._finish()

    def show(self, progress: dict[str, Any]) -> None:
        """Draw a progress as a job tells it: `text`, and where known `done` and `total`."""
        step = (progress["text"], progress.get("total"))
        if step != self._step:
            self._finish()
            self._step = step
            self._begin(*step)
        if self._bar is not None:
            self._bar.update(progress.get("done", 0) - self._bar.pos)

    def _begin(self, text: str, total: int | None) -> None:
        if total:
            self._bar = click.progressbar(length=total, label=text, file=sys.stderr)
            self._bar.render_progress()
        else:
            click.echo(text, err=True)

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
            self._bar = None


def _outcome(job: SyncJob) -> dict[str, Any]:
    counts = {name: getattr(job, name) for name in COUNTS}
    return {"job": job.id, "state": job.state.value, **counts, "reason": job.reason, "notes": list(job.notes)}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """One line for people: the counts of records side by side."""
    records = row.get("records") or {}
    return {
        "company": row["company"],
        "connection": row["connection"] or "not linked",
        "organisation": row.get("organisation"),
        "last completed": row.get("last_completed"),
        "records": ", ".join(f"{number} {state}" for state, number in records.items() if number),
        "problem": row.get("problem"),
    }

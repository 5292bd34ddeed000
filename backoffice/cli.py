"""The command line. Each command's work lives in the module that its body imports."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import click

from backoffice.backup_commands import backup, restore
from backoffice.command_line import Commands, application, json_option, print_json, redis_at_hand
from backoffice.company_commands import link, status, update
from backoffice.key_commands import keys
from backoffice.user_commands import user

SANDBOXES = ("xero",)


class Sandboxes(click.Group):
    """One command per provider that we can play; loaded when asked for, since a sandbox shares nothing with us."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(SANDBOXES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in SANDBOXES:
            return None
        command: click.Command = getattr(import_module(f"backoffice.sandbox.{name}.command"), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Keep suppliers, items and their papers in step with an accounting system."""


@main.command()
@click.option("--port", default=8000, show_default=True, help="Where the back office listens.")
@click.option("--sandbox-port", default=8001, show_default=True, help="Where the played Xero listens.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the data live.  [default: .demo]")
@click.option("--reset", is_flag=True, help="Forget the data and end.")
@click.option("--end-with-parent", is_flag=True, hidden=True)
def demo(port: int, sandbox_port: int, data: Path | None, reset: bool, end_with_parent: bool) -> None:
    """Start everything on this machine, with a Xero to play with."""
    from backoffice.demo import DIRECTORY, Demo

    it = Demo((data or DIRECTORY).absolute(), port, sandbox_port)
    if reset:
        it.reset()
    else:
        it.run(os.getppid() if end_with_parent else None)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--processes", default=2, show_default=True)
@click.option("--threads", default=8, show_default=True, help="Threads of each process.")
def web(host: str, port: int, processes: int, threads: int) -> None:
    """Serve the web application."""
    from backoffice import web

    with application():  # so that a wrong setting is said once, and not by each process
        web.run(host, port, processes, threads)


@main.command()
@click.option("--burst", is_flag=True, help="End when nothing is left to do.")
def worker(burst: bool) -> None:
    """Do jobs, one at a time; start as many workers as you like."""
    from jobs import worker

    with application() as app:
        worker.run(app, burst)


@main.command()
def scheduler() -> None:
    """Ring for what is due; start as many schedulers as you like."""
    from jobs import scheduler

    with application() as app:
        scheduler.Scheduler(app).run()


@main.group(cls=Sandboxes)
def sandbox() -> None:
    """Play a provider on this machine."""


@main.command()
@json_option
def doctor(as_json: bool) -> None:
    """Look at everything this deployment needs, and say how to mend what is wrong."""
    from backoffice import doctor
    from backoffice.app import create_app

    with redis_at_hand():
        findings = list(doctor.examine(create_app(screens=False)))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    for finding in () if as_json else findings:
        click.echo(f"{'ok   ' if finding.ok else 'WRONG'}  {finding.check}: {finding.found}")
        if finding.mend:
            click.echo(f"       {finding.mend}")
    sys.exit(not all(finding.ok for finding in findings))


@main.command()
def routes() -> None:
    """Print every address of the application and which role may ask it what, as Markdown."""
    from backoffice.admin.routes import table
    from backoffice.app import create_app

    click.echo(table(create_app()), nl=False)


@main.command()
def migrate() -> None:
    """Bring the database to where this version wants it."""
    with application(migrate=True):
        click.echo("The database is up to date.")


for command in (link, update, status, user, keys, backup, restore):
    main.add_command(command)


if __name__ == "__main__":
    main()

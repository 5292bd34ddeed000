"""The command `backoffice sandbox xero`."""

from __future__ import annotations

from pathlib import Path

import click

from backoffice.sandbox.xero.server import Sandbox
from backoffice.sandbox.xero.settings import CLIENTS, Client


@click.command()
@click.option("--port", default=8001, show_default=True, help="Where to listen; 0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Keep everything here. Default: forget it."
)
@click.option("--organisations", default=2, show_default=True)
@click.option("--contacts", default=500, show_default=True, help="Contacts of each organisation.")
@click.option("--items", default=200, show_default=True, help="Items of each organisation.")
@click.option("--documents", default=11, show_default=True, help="Orders, bills and invoices of each organisation.")
@click.option("--seed", default=7, show_default=True, help="The same number makes the same data.")
@click.option("--latency-ms", default=0, show_default=True, help="How long each API call takes at least.")
@click.option("--minute-limit", default=60, show_default=True, help="Calls per minute and organisation.")
@click.option("--day-limit", default=5000, show_default=True, help="Calls per day and organisation.")
@click.option("--page-limit", default=1000, show_default=True, help="Largest page.")
@click.option(
    "--scopes", "scope_mode", type=click.Choice(["granular", "legacy"]), default="granular", show_default=True
)
@click.option("--connection-cap", type=int, help="How many connections the app's plan allows. Default: any number.")
@click.option("--bulk-connections", is_flag=True, help="Let several organisations be chosen in one consent.")
@click.option("--client-id", default=CLIENTS[0].id, show_default=True)
@click.option("--client-secret", default=CLIENTS[0].secret, show_default=True)
@click.option(
    "--redirect-uri", "redirect_uris", multiple=True, help="Take only these. Default: any of an allowed form."
)
def xero(
    port: int,
    host: str,
    data: Path | None,
    client_id: str,
    client_secret: str,
    redirect_uris: tuple[str, ...],
    **settings: object,
) -> None:
    """Play Xero on this machine."""
    web_app = Client(client_id, client_secret, CLIENTS[0].name, redirect_uris)
    sandbox = Sandbox(data, port, host, clients=(web_app, *CLIENTS[1:]), **settings)
    try:
        sandbox.serve(click.echo)
    except OSError as error:
        raise click.ClickException(f"Port {port} on {host} cannot be used: {error.strerror}.") from error

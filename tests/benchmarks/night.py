"""A thousand companies through one simulated night, printed as a table: `make night`. It asserts what must hold.

python -m tests.benchmarks.night [--companies 1000] [--workers 6] [--database URL]
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

import click
from sqlalchemy import make_url

from backoffice.config import Settings
from backoffice.embedded_redis import EmbeddedRedis
from backoffice.extensions import db
from backoffice.sandbox.xero.server import Sandbox
from tests.benchmarks.simulation import LIMITS, SIZE, Found, check, night_settings, simulate
from tests.databases import application


def show(found: Found, memory: float) -> None:
    """Print what came of a night."""
    click.echo("| companies | time zones | synced once | twice | failed | calls refused (429) | most calls in flight |")
    click.echo("|---|---|---|---|---|---|---|")
    twice = sum(times > 1 for times in found.done.values())
    refused = sum(found.refused.values())
    click.echo(
        f"| {found.companies:,} | {found.zones} | {found.once:,} | {twice} | {found.failed} | {refused} "
        f"| {found.most_in_flight} of 5 |\n"
    )
    click.echo("| starts in the busiest second | in the busiest minute | calls in all | in the busiest minute |")
    click.echo("|---|---|---|---|")
    most = max(found.calls_in.values())
    click.echo(f"| {found.busiest_second} | {found.busiest_minute} | {found.calls:,} | {most:,} of 10,000 |\n")
    click.echo(f"It took {found.seconds:.0f} s; peak memory, the played Xero included: {memory:.0f} MB.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--database", default="", help="a database that may be emptied; SQLite by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        database = given.database or f"sqlite:///{place}/night.db"
        redis = EmbeddedRedis(Path(place) / "redis")
        redis.start()
        with Sandbox(Path(place) / "xero", organisations=given.companies, **LIMITS, **SIZE) as sandbox:
            settings = Settings(data_dir=Path(place), database_url=database, redis_url=redis.url)
            with application(settings.model_copy(update=night_settings(sandbox))) as app, app.app_context():
                db.drop_all()
                db.create_all()
                click.echo(f"On {make_url(database).get_backend_name()}, {os.cpu_count()} cores.\n", err=True)
                found = simulate(app, sandbox, given.companies, given.workers)
        redis.stop()
    show(found, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2))
    check(found)


if __name__ == "__main__":
    main()

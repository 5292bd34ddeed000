"""The doctor: looks at everything this deployment needs, and says how to mend what is wrong."""

from __future__ import annotations

import http.client
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flask import Flask, current_app
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from backoffice import mail as outbox
from backoffice import schema, signs
from backoffice.config import Settings
from backoffice.database import read_only
from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models import Connection, encrypted
from backoffice.providers.openid import OpenID

#: Clocks may differ by this much.
SKEW = timedelta(seconds=5)
TIMEOUT = 10


@dataclass(frozen=True)
class Finding:
    """What one check found, and what to do about it."""

    check: str
    ok: bool
    found: str
    mend: str = ""


class AilmentError(BackofficeError):
    """Something is wrong here."""

    def __init__(self, found: str, mend: str) -> None:
        super().__init__(found)
        self.mend = mend


def examine(app: Flask) -> Iterator[Finding]:
    """Do every check, each for itself, and say what it found."""
    with app.app_context():
        checks = (database, migrations, redis, workers, schedulers, clock, keys, provider, identity_provider, mail)
        for check in checks:
            read_only(True)
            yield _finding(check)
            db.session.rollback()
        read_only(False)
        db.engine.dispose()


def _finding(check: Callable[[], str]) -> Finding:
    try:
        return Finding(check.__name__, True, check())
    except AilmentError as ailment:
        return Finding(check.__name__, False, ailment.message, ailment.mend)
    except SQLAlchemyError as error:
        db.session.rollback()
        return Finding(
            check.__name__, False, _first_line(error), "See what is said of the database and its migrations."
        )
    except RedisError as error:
        return Finding(check.__name__, False, _first_line(error), "See above: redis.")


def database() -> str:
    """It answers."""
    url = db.engine.url.render_as_string(hide_password=True)
    try:
        db.session.execute(select(1))
    except SQLAlchemyError as error:
        raise AilmentError(f"{url}: {_first_line(error)}", "Start the database, or correct DATABASE_URL.") from error
    return url


def migrations() -> str:
    """Its tables are those of this version."""
    present, wanted = schema.present(), schema.wanted()
    if present != wanted:
        raise AilmentError(f"it is at {present or 'nothing'}, this version wants {wanted}", "Run `backoffice migrate`.")
    return f"at {present}"


def redis() -> str:
    """It answers, and throws nothing away."""
    connection = current_app.extensions["redis"]
    try:
        found = connection.info()
    except RedisError as error:
        raise AilmentError(
            _first_line(error), "Start Redis, or correct REDIS_URL; jobs wait in the database."
        ) from error
    policy = found.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise AilmentError(f"it may throw jobs away ({policy})", "Set its maxmemory-policy to noeviction.")
    return f"version {found.get('redis_version')}, {found.get('used_memory_human')} in use"


def workers() -> str:
    """Somebody does the jobs."""
    found = signs.workers(current_app.extensions["redis"])
    if not found:
        raise AilmentError("none is alive", "Start at least one with `backoffice worker`.")
    return ", ".join(f"{sign.state} on {sign.host} ({sign.pid})" for sign in found)


def schedulers() -> str:
    """Somebody rings for what is due."""
    found = signs.schedulers(current_app.extensions["redis"])
    if not found:
        raise AilmentError("none is alive", "Start at least one with `backoffice scheduler`; two, so that one may die.")
    return ", ".join(f"on {sign.host} ({sign.pid})" for sign in found)


def clock() -> str:
    """This machine, the database and Redis agree what time it is."""
    seconds, microseconds = current_app.extensions["redis"].time()
    others = {"Redis": datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)}
    if db.engine.dialect.name == "postgresql":
        others["the database"] = db.session.scalars(select(func.clock_timestamp())).one()
    for name, theirs in others.items():
        apart = abs(theirs - datetime.now(UTC))
        if apart > SKEW:
            raise AilmentError(
                f"{name} is {apart.total_seconds():.0f} s off", "Let NTP set the clocks of all machines."
            )
    return f"within {SKEW.total_seconds():.0f} s of {' and '.join(others)}"


def keys() -> str:
    """Every stored secret can be read."""
    found = encrypted.look(db.session())
    if found.lost:
        raise AilmentError(
            "not all that is stored encrypted can be read",
            f"Put the key that is missing back into ENCRYPTION_KEYS. Or do without it. {' '.join(found.lost)}",
        )
    old = f", {found.older} of them under an older key: run `backoffice keys rotate`" if found.older else ""
    return f"{found.newest + found.older} stored secrets can be read{old}"


def provider() -> str:
    """Each linked organisation answers; where none is linked, at least its address does."""
    connections = db.session.scalars(select(Connection).where(Connection.active)).all()
    db.session.expunge_all()
    db.session.rollback()  # no call inside a transaction
    found = [(each.organisation, current_app.extensions["providers"][each.provider].test(each)) for each in connections]
    ill = [(name, finding) for name, finding in found if not finding.ok]
    if ill:
        what = "; ".join(f"{name}: {finding.what}" for name, finding in ill)
        raise AilmentError(what, " ".join(dict.fromkeys(finding.todo for _, finding in ill)))
    return "; ".join(f"{name}: {finding.what}" for name, finding in found) or _reach()


def identity_provider() -> str:
    """It says of itself what signing in through it needs."""
    openid = OpenID(current_app.extensions["settings"])
    if not openid.configured:
        return "none is set up"
    try:
        openid.begin(current_app.extensions["settings"].public_url)
    except BackofficeError as error:
        raise AilmentError(error.message, "Let this machine reach it, or correct OIDC_ISSUER.") from error
    return str(openid.issuer)


def mail() -> str:
    """The mail server answers; where none is named, nothing can be e-mailed, and that is all."""
    settings: Settings = current_app.extensions["settings"]
    missing = outbox.gaps(settings)
    if not any((settings.smtp_host, settings.smtp_user, settings.mail_from)):
        return "not set up: documents can be printed, not e-mailed (SMTP_HOST and MAIL_FROM would change that)"
    if missing:
        raise AilmentError("documents cannot be e-mailed", " ".join(missing))
    try:
        with outbox.mail_server(settings) as server:
            server.noop()
    except (smtplib.SMTPException, OSError) as error:
        raise AilmentError(
            f"{settings.smtp_host}: {_first_line(error)}",
            "Correct SMTP_HOST, SMTP_PORT, SMTP_SECURITY, SMTP_USER or SMTP_PASSWORD, or let this machine reach it.",
        ) from error
    return f"{settings.smtp_host} answers; e-mail comes from {settings.mail_from}"


def _reach() -> str:
    settings: Settings = current_app.extensions["settings"]
    address = urlsplit(settings.xero_connections_url)
    secure = address.scheme == "https"
    sort = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    line = sort(address.hostname or "", address.port, timeout=TIMEOUT)
    try:
        line.request("GET", address.path)
        status = line.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise AilmentError(
            f"{address.netloc}: {error}", "Let this machine reach it, or correct XERO_CONNECTIONS_URL."
        ) from error
    finally:
        line.close()
    return f"{address.netloc} answers ({status}); no company is linked"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

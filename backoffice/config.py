"""The settings of a deployment: read once from the environment, typed, each one explained."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from backoffice.errors import ConfigurationError

XERO_SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.settings "
    "accounting.invoices accounting.payments accounting.attachments"
)
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Settings(BaseSettings):
    """Every setting, with its default. The environment variable is the name in capitals."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    #: Where files of this deployment live: the SQLite database, the embedded Redis, generated secrets.
    data_dir: Path = Path("data")
    #: SQLite in `data_dir` by default; PostgreSQL in production: postgresql+psycopg://user:password@host/name
    database_url: str = ""
    #: redis://, rediss:// or unix://; empty means the embedded one in `data_dir`.
    redis_url: str = ""
    #: Signs sessions and forms.
    secret_key: SecretStr = SecretStr("")
    #: Encrypt tokens at rest; several, newest first, separated by commas, so that keys rotate.
    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    #: The address people type; a host other than localhost makes this a production deployment.
    public_url: str = "http://localhost:8000"
    #: How many reverse proxies in front set X-Forwarded-For, -Proto and -Host.
    trusted_proxies: int = Field(0, ge=0, le=5)

    xero_client_id: str = ""
    xero_client_secret: SecretStr = SecretStr("")
    xero_scopes: str = XERO_SCOPES
    #: Where Xero asks for consent, gives and revokes tokens, and tells what they let into.
    xero_authorize_url: str = "https://login.xero.com/identity/connect/authorize"
    xero_token_url: str = "https://identity.xero.com/connect/token"  # noqa: S105
    xero_revocation_url: str = "https://identity.xero.com/connect/revocation"
    xero_connections_url: str = "https://api.xero.com/connections"
    xero_api_url: str = "https://api.xero.com/api.xro/2.0"
    #: Where Open in Xero leads.
    xero_app_url: str = "https://go.xero.com"
    #: Calls per minute, per day and in flight that Xero allows for one organisation.
    xero_minute_limit: int = Field(60, ge=1)
    xero_day_limit: int = Field(5000, ge=1)
    xero_in_flight: int = Field(5, ge=1, le=5)

    #: Rows asked for in one page of a paged list.
    page_size: int = Field(1000, ge=1, le=1000)
    #: How long a worker may be silent before another takes its job over, in seconds, and any process of ours in the
    #: middle of a transaction before PostgreSQL ends that.
    lease_seconds: float = Field(60, gt=0)
    #: How often the scheduler looks for work that is due and that nobody does, in seconds.
    sweep_seconds: float = Field(15, gt=0)
    #: Waits between the tries of a failing job, in seconds; the last one repeats.
    retry_seconds: Annotated[tuple[float, ...], NoDecode] = (10, 30, 60, 300, 900)
    #: How long the first change that a webhook tells of waits for others to be read with, in seconds.
    webhook_seconds: float = Field(5, ge=0, le=60)
    #: How long to wait for a connection and for an answer, in seconds.
    connect_timeout: float = Field(5, gt=0)
    read_timeout: float = Field(40, gt=0)
    #: Sign-in attempts allowed per address, as flask-limiter writes it.
    sign_in_limit: str = "10 per minute"

    #: The identity provider that people may sign in through: its issuer, as it names itself; empty means that none is.
    oidc_issuer: str = ""
    #: What this deployment is registered as there.
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    #: What people call it: the button says *Sign in with …*
    oidc_label: str = "single sign-on"

    #: The mail server that documents are e-mailed through; empty means that none is.
    smtp_host: str = ""
    #: 0 means the usual one: 587 with starttls, 465 with tls, 25 with none.
    smtp_port: int = Field(0, ge=0, le=65535)
    #: What to sign in to the mail server with; empty where it asks for nothing.
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    #: How the line to the mail server is protected: starttls (begins in clear), tls (from the start) or none.
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    #: The address that documents are e-mailed from; their company's name stands beside it.
    mail_from: str = ""

    #: What a Prometheus sends as its Bearer token to read /metrics; empty: it is read on one's own machine alone.
    metrics_token: SecretStr = SecretStr("")
    #: Where failures of the program are reported, as Sentry calls it; empty: nowhere.
    sentry_dsn: SecretStr = SecretStr("")
    #: Whoever is told at once of what needs a person gets at most one e-mail a company in so many minutes.
    notify_minutes: float = Field(15, gt=0, le=1440)

    @field_validator("encryption_keys", "retry_seconds", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def slot_seconds(self) -> float:
        """How long a call in flight is counted whose worker has died, in seconds: longer than any call lasts."""
        return 2 * (self.connect_timeout + self.read_timeout)

    @property
    def production(self) -> bool:
        """Whether people reach this deployment by another name than localhost."""
        return urlsplit(self.public_url).hostname not in LOOPBACK

    @property
    def https(self) -> bool:
        return self.public_url.startswith("https://")

    @classmethod
    def from_environment(cls) -> Settings:
        """Read, check and complete the settings.

        Raises: ConfigurationError, naming each variable that is missing or wrong.
        """
        try:
            settings = cls()
        except ValidationError as error:
            wrong = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(f"The environment does not fit: {wrong}.") from error
        return settings.completed()

    def completed(self) -> Settings:
        """Fill what may be left out: nothing secret in production, everything on one's own machine."""
        missing = [n for n in ("secret_key", "encryption_keys") if not getattr(self, n)]
        if self.production and missing:
            names = " and ".join(n.upper() for n in missing)
            raise ConfigurationError(f"{names} must be set before this can run at {self.public_url}.")
        if self.production and len(self.secret_key.get_secret_value()) < 32:
            raise ConfigurationError("SECRET_KEY must have at least 32 characters.")
        if self.production and not self.https:
            raise ConfigurationError("PUBLIC_URL must begin with https:// outside this machine.")
        self._check_keys()
        self._check_identity_provider()
        changes: dict[str, object] = {"data_dir": self.data_dir.absolute()}
        if not self.secret_key:
            changes["secret_key"] = SecretStr(self._kept("secret_key", secrets.token_urlsafe(48)))
        if not self.encryption_keys:
            key = self._kept("encryption_key", Fernet.generate_key().decode())
            changes["encryption_keys"] = (SecretStr(key),)
        if not self.database_url:
            changes["database_url"] = f"sqlite:///{self.data_dir.absolute() / 'backoffice.db'}"
        elif self.database_url.startswith(("postgres://", "postgresql://")):
            changes["database_url"] = "postgresql+psycopg://" + self.database_url.split("://", 1)[1]
        return self.model_copy(update=changes)

    def _check_keys(self) -> None:
        for key in self.encryption_keys:
            try:
                Fernet(key.get_secret_value())
            except ValueError as error:
                raise ConfigurationError(
                    "ENCRYPTION_KEYS must hold keys made by `backoffice keys new`, newest first."
                ) from error

    def _check_identity_provider(self) -> None:
        if not self.oidc_issuer:
            return
        if not (self.oidc_client_id and self.oidc_client_secret):
            raise ConfigurationError("OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be set with OIDC_ISSUER.")
        issuer = urlsplit(self.oidc_issuer)
        if issuer.scheme != "https" and issuer.hostname not in LOOPBACK:
            raise ConfigurationError("OIDC_ISSUER must begin with https:// outside this machine.")

    def _kept(self, name: str, fresh: str) -> str:
        """A secret that is made once and kept in the data directory, readable by its owner only."""
        path = self.data_dir.absolute() / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        except OSError as error:
            raise ConfigurationError(f"{path.parent} cannot be written to: {error.strerror}.") from error
        with os.fdopen(descriptor, "w") as file:
            file.write(fresh)
        return fresh

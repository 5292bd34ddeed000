"""The application: the only place where things are joined."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, request
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy.orm import sessionmaker
from werkzeug.middleware.proxy_fix import ProxyFix

from backoffice import access_log, logs, models, sentry
from backoffice.config import Settings
from backoffice.database import keyring, prepare_postgresql, prepare_sqlite, read_only
from backoffice.embedded_redis import EmbeddedRedis
from backoffice.extensions import GuardedSession, db, migrate
from backoffice.providers import providers_of
from backoffice.queue import doorbell
from backoffice.sync import doorbell as sync_doorbell
from backoffice.sync.mapper import routes

ROOT = Path(__file__).parent.parent

models.listen(GuardedSession)
sync_doorbell.listen(GuardedSession)


def create_app(settings: Settings | None = None, screens: bool = True) -> Flask:
    """Join settings, database, queue, providers and screens; a worker or a command serves no screens.

    Raises: ConfigurationError naming each setting that is missing or wrong.
    """
    logs.configure()
    settings = settings.completed() if settings else Settings.from_environment()
    app = Flask("backoffice", root_path=str(ROOT / "backoffice"), template_folder=str(ROOT / "templates"))
    app.config.update(_flask_config(settings))
    app.extensions["settings"] = settings
    sentry.start(settings)
    access_log.register(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    keyring.load(tuple(key.get_secret_value() for key in settings.encryption_keys))
    # Tried twice at once: an old line may have ended. What cannot be told now is made up for; nobody waits for it.
    retry = Retry(NoBackoff(), 1)
    redis = Redis.from_url(redis_address(settings), socket_connect_timeout=2, socket_timeout=10, retry=retry)
    doorbell.connect(redis)
    _join_database(app)
    app.extensions["redis"] = redis
    with app.app_context():
        providers = providers_of(settings, redis, sessionmaker(db.engine, expire_on_commit=False))
        db.session.configure(info={"routes": routes({key: provider.mappers for key, provider in providers.items()})})
    app.extensions["providers"] = providers
    if screens:
        from backoffice.screens import join  # more than half of the program, which a worker does without

        join(app)
    return app


def _flask_config(settings: Settings) -> dict[str, object]:
    return {
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        # An error of the database goes to the log; the values in its statement do not.
        # One connection that a restart of the database has ended is found out before a page fails for it.
        "SQLALCHEMY_ENGINE_OPTIONS": {"hide_parameters": True, "pool_pre_ping": True},
        # The prefix has a browser refuse the cookie from a neighbour in the domain, or over an open line.
        "SESSION_COOKIE_NAME": "__Host-backoffice_session" if settings.https else "backoffice_session",
        "SESSION_COOKIE_PATH": "/",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_HTTPONLY": True,
        "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
        "RATELIMIT_STORAGE_URI": limiter_storage(settings),
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "WTF_CSRF_TIME_LIMIT": None,
    }


def redis_address(settings: Settings) -> str:
    """Where Redis answers: as set, or the embedded one of the data directory, which the command line starts."""
    return settings.redis_url or EmbeddedRedis(settings.data_dir / "redis").url


def limiter_storage(settings: Settings) -> str:
    """The address of Redis as the sign-in throttle writes it."""
    url = redis_address(settings)
    return url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url


def _join_database(app: Flask) -> None:
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    with app.app_context():
        prepare_sqlite(db.engine)
        prepare_postgresql(db.engine, app.extensions["settings"].lease_seconds)

    @app.before_request
    def choose_lock() -> None:
        view = app.view_functions.get(request.endpoint or "")
        read_only(request.method in ("GET", "HEAD") and not getattr(view, "writes", False))

    @app.teardown_request
    def back_to_writing(_error: BaseException | None) -> None:
        read_only(False)

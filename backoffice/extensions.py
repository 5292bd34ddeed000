"""The Flask extensions, unbound; `create_app` joins them to an application."""

from __future__ import annotations

from typing import Any, NoReturn

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from flask_wtf import CSRFProtect

from backoffice.database import Base


class GuardedSession(Session):
    """A session without the bulk calls that pass every event by, and with them revision and history."""

    def bulk_save_objects(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("bulk calls pass revision and history by; use add() or the engine")

    bulk_insert_mappings = bulk_update_mappings = bulk_save_objects


db = SQLAlchemy(metadata=Base.metadata, session_options={"class_": GuardedSession})
migrate = Migrate()
csrf = CSRFProtect()
login = LoginManager()
limiter = Limiter(get_remote_address)

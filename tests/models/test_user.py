"""People: somebody can always let others in."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.extensions import db
from backoffice.models import Role, User
from backoffice.models.user import LastAdministratorError, keep_an_administrator
from backoffice.user_commands import new_user
from tests.sync.test_locks import Aside


def take_the_role(session: Session, user_id: int) -> None:
    user = session.get_one(User, user_id)
    keep_an_administrator(session, user)
    user.role = Role.VIEWER
    session.flush()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_administrators_who_take_the_role_from_each_other_at_once_one_keeps_it(app: Flask) -> None:
    with app.app_context():
        session = db.session()
        for name in ("ana", "ben"):
            new_user(session, f"{name}@example.com", name, Role.ADMINISTRATOR)
        session.commit()
        ana, ben = session.scalars(select(User.id).order_by(User.id)).all()
        take_the_role(session, ben)
        aside = Aside(app, lambda other: take_the_role(other, ana))
        aside.until_it_waits()
        session.commit()
        aside.join()
        assert isinstance(aside.error, LastAdministratorError)
        assert session.scalars(select(User.id).where(User.role == Role.ADMINISTRATOR)).all() == [ana]

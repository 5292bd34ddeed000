"""User accounts: passwords, roles, and the last administrator."""

from __future__ import annotations

import pytest

from backoffice import users
from backoffice.extensions import db
from backoffice.models.user import Role, User
from backoffice.users import UserError


@pytest.fixture(autouse=True)
def context(app):
    with app.app_context():
        yield
        db.session.rollback()


def new(email: str, role: Role = Role.OPERATOR) -> tuple[User, str]:
    password = users.create(email, "Somebody", role)
    db.session.commit()
    return users.find(email), password


def test_a_made_up_password_works_and_is_not_kept():
    user, password = new("Ann@Example.com")
    assert user.email == "ann@example.com"
    assert users.check_password(user, password)
    assert not users.check_password(user, password + "x")
    assert password not in str(user.password_hash)


def test_without_a_password_nobody_gets_in():
    user, _ = new("ann@example.com")
    for nothing in (None, ""):
        user.password_hash = nothing
        assert not users.check_password(user, "")


def test_an_address_is_used_once():
    new("ann@example.com")
    with pytest.raises(UserError, match=r"already a user ann@example\.com"):
        users.create("ANN@example.com ", "Another", Role.VIEWER)


def test_a_new_password_and_a_deactivation_end_every_session():
    new("boss@example.com", Role.ADMINISTRATOR)
    user, _ = new("ann@example.com")
    before = user.get_id()
    users.new_password(user)
    between = user.get_id()
    users.deactivate(user)
    assert len({before, between, user.get_id()}) == 3


def test_the_last_administrator_stays():
    user, _ = new("boss@example.com", Role.ADMINISTRATOR)
    with pytest.raises(UserError, match="last administrator"):
        users.deactivate(user)
    with pytest.raises(UserError, match="last administrator"):
        users.set_role(user, Role.VIEWER)
    new("other@example.com", Role.ADMINISTRATOR)
    users.deactivate(user)
    with pytest.raises(UserError, match="last administrator"):
        users.set_role(users.find("other@example.com"), Role.OPERATOR)

"""Xero's messages in plain words."""

from __future__ import annotations

import pytest

from backoffice.models import RECORDS, Line
from backoffice.providers.xero.refusals import RULES, explain

NAME = (
    "The contact name Acme Ltd is already assigned to another contact. "
    "The contact name must be unique across all active contacts."
)
NUMBER = (
    "The contact number S-1 is already assigned to another contact. "
    "The contact number must be unique across all contacts."
)
ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)


@pytest.mark.parametrize(
    ("raw", "cause", "column", "word"),
    [
        (NAME, "name_taken", "name", "Acme Ltd"),
        (NUMBER, "number_taken", "number", "S-1"),
        (ARCHIVED, "archived_there", "archived", "Restore it in Xero"),
        ("Email address must be valid.", "email_invalid", "email", "name@example.com"),
        ("The contact name must be specified.", "name_invalid", "name", "needs one"),
        (
            "The contact name cannot contain < or >, or leading, trailing or repeated spaces.",
            "name_invalid",
            "name",
            "without <",
        ),
        (
            "The Name field must be a string with a maximum length of 255.",
            "too_long",
            None,
            "a maximum length of 255",
        ),
        ("The Country field may hold letters only.", "country_invalid", "country", "letters only"),
    ],
)
def test_known_messages(raw: str, cause: str, column: str | None, word: str) -> None:
    found = explain(raw)
    assert (found.cause, found.column, found.raw) == (cause, column, raw)
    assert word in found.message


def test_an_unknown_message_is_shown_as_it_is() -> None:
    found = explain("Something {odd}\n happened")
    assert (found.message, found.cause, found.column) == ("Something {odd} happened", "other", None)


def test_no_message_at_all() -> None:
    assert explain("").message


def test_braces_in_a_name_do_no_harm() -> None:
    assert "{0} {x}" in explain("The contact name {0} {x} is already assigned to another contact.").message


def test_every_rule_names_a_column_that_exists() -> None:
    """Of a record of a kind that it is about, of any kind, or of a line."""
    every = {model.kind: set(model.business_columns()) | {"lines"} for model in RECORDS}
    for rule in RULES:
        known = set().union(*(every[kind] for kind in rule.kinds or every)) | set(Line.content)
        assert rule.column is None or rule.column in known, rule.pattern.pattern


def test_the_same_words_mean_the_party_of_a_document() -> None:
    found = explain(ARCHIVED, "bill")
    assert (found.cause, found.column) == ("contact_archived", "contact_id")

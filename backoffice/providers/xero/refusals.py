"""Xero's validation messages in plain words: the one table that knows them, for people; nothing branches on it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backoffice.sync.mapper import Refusal


@dataclass(frozen=True)
class Rule:
    """A message of Xero's, what to tell people instead, by which cause it is grouped, and the column to mend.

    `{0}` in the words stands for the first group of the pattern.
    """

    pattern: re.Pattern[str]
    words: str
    cause: str
    column: str | None = None


def _rule(pattern: str, words: str, cause: str, column: str | None = None) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), words, cause, column)


RULES: tuple[Rule, ...] = (
    _rule(
        r"contact name (.+?) is already assigned to another contact",
        "Another contact in Xero already has the name {0}. Give this one another name, or link it to that contact.",
        "name_taken",
        "name",
    ),
    _rule(
        r"contact number (.+?) is already assigned to another contact",
        "Another contact in Xero, perhaps an archived one, already has the number {0}. Give this one another number, "
        "or link it to that contact.",
        "number_taken",
        "number",
    ),
    _rule(
        r"matched an archived contact|archived contacts cannot currently be edited",
        "This contact is archived in Xero, and Xero lets nobody change an archived contact from outside. "
        "Restore it in Xero first, then update.",
        "archived_there",
        "archived",
    ),
    _rule(
        r"email address.*(valid|format)|valid email",
        "Xero does not take this e-mail address. Write it as name@example.com.",
        "email_invalid",
        "email",
    ),
    _rule(r"tax number.*(valid|format)", "Xero does not take this tax number.", "tax_number_invalid", "tax_number"),
    _rule(
        r"(?:contact )?name (?:must|should|cannot|can not|is required|is mandatory)|name.*(?:<|>)",
        "Xero does not take this name. It needs one, without < and > and without spaces around it.",
        "name_invalid",
        "name",
    ),
    _rule(r"currency", "Xero does not take this currency. Add it in Xero first.", "currency_unknown", "currency"),
    _rule(
        r"(?:organisation|organization).*(?:not subscribed|subscription|trial|expired)",
        "The organisation's Xero subscription does not allow this. Its owner can see to it in Xero.",
        "subscription",
    ),
    _rule(
        r"(?:max(?:imum)? )?length|too long|exceed\w* .*characters",
        "Something here is longer than Xero allows: {raw}",
        "too_long",
    ),
    _rule(r"phone", "Xero does not take this telephone number.", "phone_invalid", "phone"),
    _rule(r"country", "Xero does not take this country. Write it in letters only.", "country_invalid", "country"),
    _rule(
        r"idempotency key",
        "Xero has seen this request before in another form. It is sent anew.",
        "idempotency_key",
    ),
)


def explain(raw: str) -> Refusal:
    """What a message of Xero's comes to; one that is not known is shown as it is, under the cause `other`."""
    for rule in RULES:
        if match := rule.pattern.search(raw):
            words = rule.words.format(*(group or "" for group in match.groups()), raw=_one_line(raw))
            return Refusal(words, rule.cause, rule.column, raw)
    return Refusal(_one_line(raw) or "Xero turned this down without saying why.", "other", None, raw)


def _one_line(raw: str) -> str:
    return " ".join(raw.split())

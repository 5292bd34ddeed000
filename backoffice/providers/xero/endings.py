"""The ends of a connection to Xero: what happened, and who can do what about it, by the reason."""

from __future__ import annotations

from backoffice.errors import ConnectionLostError

LINK_AGAIN = "An administrator has to link the company again."
#: By the reason of a ConnectionLostError: what happened, and what to do.
LOST = {
    "consent_ended": ("Xero no longer lets this application in.", LINK_AGAIN),
    "organisation_gone": (
        "This application was removed from the organisation in Xero, under Connected apps.",
        "Link the company again and allow it; nothing is lost meanwhile.",
    ),
    "organisation_closed": (
        "The organisation is closed: Xero still knows the connection, and answers no question about it.",
        "Its owner can open it again or renew its subscription in Xero; then press Test connection here. "
        "Nothing is lost meanwhile.",
    ),
    "demo_gone": (
        "Xero has reset this demo company, as it does every four weeks, or somebody removed this application from it.",
        "Link the company again. After a reset Xero gives it a new id, so you are asked whether to start a new book; "
        "what is here is kept.",
    ),
    "scope_missing": (
        "Xero was not asked for everything this needs.",
        "An administrator has to link the company again and allow all that Xero lists.",
    ),
}


def ended(reason: str) -> ConnectionLostError:
    """The error for one of these reasons."""
    return ConnectionLostError(" ".join(LOST[reason]), reason=reason)

"""The ends of a connection to Xero: what happened, and who can do what about it, by the reason."""

from __future__ import annotations

from backoffice.errors import ConnectionLostError, Ending

LINK_AGAIN = "An administrator has to link the company again."
#: By the reason of a ConnectionLostError: what happened, and what to do.
LOST = {
    Ending.CONSENT_ENDED: ("Xero no longer lets this application in.", LINK_AGAIN),
    Ending.ORGANISATION_GONE: (
        "This application was removed from the organisation in Xero, under Connected apps.",
        "Link the company again and allow it; nothing is lost meanwhile.",
    ),
    Ending.ORGANISATION_CLOSED: (
        "The organisation is closed: Xero still knows the connection, and answers no question about it.",
        "Its owner can open it again or renew its subscription in Xero; then press Test connection here. "
        "Nothing is lost meanwhile.",
    ),
    Ending.DEMO_GONE: (
        "Xero has reset this demo company, as it does every four weeks, or somebody removed this application from it.",
        "Link the company again. After a reset Xero gives it a new id, so you are asked whether to start a new book; "
        "what is here is kept.",
    ),
    Ending.SCOPE_MISSING: (
        "Xero was not asked for everything this needs.",
        "An administrator has to link the company again and allow all that Xero lists.",
    ),
    Ending.KEY_LOST: (
        "The stored permission cannot be read: the key that encrypted it is missing from ENCRYPTION_KEYS.",
        f"Whoever runs this deployment can put the key back; else: {LINK_AGAIN}",
    ),
}


def ended(reason: Ending) -> ConnectionLostError:
    """The error for one of these reasons."""
    return ConnectionLostError(" ".join(LOST[reason]), reason=reason)

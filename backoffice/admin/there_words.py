"""Why something that the other side has is not here, in plain words."""

from __future__ import annotations

from flask import url_for

from backoffice.admin import links, words
from backoffice.admin.why_places import settings_url
from backoffice.admin.why_words import Said
from backoffice.models import KINDS
from backoffice.sync.asking import Row, There


def said_there(row: Row) -> Said:
    """Why something that the other side has is not here."""
    there, many = links.provider_name(), KINDS[row.kind].plural()
    known = {
        There.UNREADABLE: Said(
            f"{there} has it, and it cannot be read: {row.detail}", f"Somebody mends it in {there}."
        ),
        There.QUESTION: Said(
            f"{there} has it, and it may be one of yours.", "Say which one it is.", url_for("matches.index"), "Matches"
        ),
        There.LET_GO: Said(
            f"{there} has it, and somebody unlinked it here by hand.", "Resume that record on its page."
        ),
        There.GONE: Said(f"{there} has it, and it has ended there. What has ended is not brought in."),
        There.COMPANY_PAUSED: Said(
            f"{there} has it; the company is paused.",
            "Resume the company.",
            url_for("integrations.index"),
            "Integrations",
        ),
        There.KIND_PAUSED: Said(
            f"{there} has it; {many} are paused.", "Resume them.", url_for("integrations.index"), "Integrations"
        ),
        There.KIND_OFF: Said(
            f"{there} has it; {many} that were made there are not brought in.",
            "An administrator changes that.",
            settings_url(row.kind),
            "Settings",
        ),
        There.BEFORE_START: Said(
            f"{there} has it, dated {words.value(row.detail)}: before the day from which documents are brought in.",
            "An administrator changes that day.",
            settings_url(),
            "Settings",
        ),
        There.NEWER: Said(f"{there} has it; it was made or changed there after the last Update."),
        There.MISSED: Said(f"{there} has it, and nothing stands in its way."),
    }
    return known[row.there]

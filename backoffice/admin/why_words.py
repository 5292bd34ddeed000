"""Why isn't it here? The verdicts in plain words: what is so, what to do about it, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import url_for

from backoffice.admin import links, words
from backoffice.admin.company_base import here
from backoffice.admin.why_places import edit_url, list_url, lists_of, page_url, settings_url
from backoffice.extensions import db
from backoffice.models import KINDS, Company, Connection
from backoffice.sync.verdict import Cause
from backoffice.sync.why import Hit


@dataclass(frozen=True)
class Said:
    """One reason: what is so, what to do, and a link to where it is done."""

    what: str
    todo: str = ""
    url: str | None = None
    link: str = ""


def said_of(hit: Hit) -> list[Said]:
    """All the reasons of one hit."""
    return [WORDS[cause](hit) for cause in hit.causes]


def _here(hit: Hit) -> Said:
    assert hit.record is not None
    return Said(
        f"It is here, in the list {lists_of(hit.record)}, and the same on both sides.",
        "",
        page_url(hit.record),
        "Open it",
    )


def _archived(hit: Hit) -> Said:
    word = "voided" if hasattr(hit.record, "voided") else "archived"
    return Said(
        f"It is {word} here, so lists leave it out.",
        "Choose All or its own state above the list to see it.",
        list_url(hit.record),
        "See it in its list",
    )


def _gone_there(hit: Hit) -> Said:
    there = links.provider_name()
    word = (hit.link and hit.link.gone) or "archived"
    return Said(f"It is {word} in {there}.", f"If that was a mistake, somebody restores it in {there}.")


def _unmarked(hit: Hit) -> Said:
    there = links.provider_name()
    return Said(
        f"It is neither supplier nor customer yet: {there} marks it with its first bill or invoice, "
        "and the lists show only those that are marked.",
        "Choose All contacts above the list, or tick Supplier or Customer on its form.",
        edit_url(hit.record, None),
        "Say what it is here",
    )


def _merged(hit: Hit) -> Said:
    link, kind = hit.link, hit.kind
    kept = links.record_at(kind, link.merged_into_id) if link is not None else None
    if kept is None:
        return Said(f"It was merged into another one in {links.provider_name()}.")
    return Said(f"It was merged into {kept} in {links.provider_name()}.", "", page_url(kept), f"Open {kept}")


def _paused(hit: Hit) -> Said:
    reason = hit.link.paused_reason if hit.link is not None else None
    return Said(
        f"It is paused{f': {reason}' if reason else ''}. Nothing of it is sent or brought in.",
        "Resume it on its page.",
        page_url(hit.record),
        "Open it",
    )


def _unlinked(hit: Hit) -> Said:
    return Said(
        f"It was unlinked by hand from the one in {links.provider_name()}; nothing travels between the two.",
        "Resume it on its page to link the two again.",
        page_url(hit.record),
        "Open it",
    )


def _skipped(hit: Hit) -> Said:
    reason = (hit.link.paused_reason or "") if hit.link is not None else ""
    return Said(
        f"Somebody took it off the queue ({reason}).", "Resume it on its page.", page_url(hit.record), "Open it"
    )


def _refused(hit: Hit) -> Said:
    reason = (hit.link.refusal or "") if hit.link is not None else ""
    return Said(
        f"It was not sent: {reason}", "Mend it; it is sent again by itself.", edit_url(hit.record, hit.link), "Mend it"
    )


def _changed(hit: Hit) -> Said:
    assert hit.link is not None
    url = url_for("changed_there.index", link=hit.link.id)
    return Said(
        f"Somebody changed it in {links.provider_name()} after it was sent.",
        "Choose what holds.",
        url,
        "See what differs",
    )


def _blocked(hit: Hit) -> Said:
    assert hit.link is not None
    blocker = links.record_at(hit.link.blocked_kind, hit.link.blocked_record_id)
    url = page_url(blocker) if blocker is not None else url_for("sync_queue.index")
    return Said(f"It waits for {links.blocker_name(hit.link)}, which goes first.", "", url, "Open what it waits for")


def _kind_off(hit: Hit) -> Said:
    many = KINDS[hit.kind].plural()
    return Said(
        f"The settings say that {many} such as this are not sent.",
        "An administrator changes that.",
        settings_url(hit.kind),
        "Settings",
    )


def _before_start(hit: Hit) -> Said:
    dated = words.value(getattr(hit.record, "date", None))
    return Said(
        f"It is dated {dated}, before the day from which documents are sent.",
        "An administrator changes that day in the settings.",
        settings_url(),
        "Settings",
    )


def _other_company(hit: Hit) -> Said:
    assert hit.record is not None
    other = db.session.get_one(Company, hit.record.company_id)
    url = url_for(f"{links.screen_of(hit.record)}.details_view", company=other.id, id=hit.record.id)
    return Said(f"It belongs to another company, {other.name}.", "", url, f"Open it in {other.name}")


def _other_book(hit: Hit) -> Said:
    book = db.session.get(Connection, hit.record.book_id) if hit.record is not None and hit.record.book_id else None
    organisation = book.organisation if book is not None else "another organisation"
    rests = book is not None and not book.active
    url = url_for("set_aside.index", book=book.id) if book is not None and rests else url_for("integrations.index")
    return Said(
        f"It is in the book of {organisation}, which is set aside while {here().name} is linked elsewhere.",
        f"It comes back when an administrator links {organisation} again.",
        url,
        "See what is set aside" if rests else "Integrations",
    )


def _queue(what: str, todo: str = "") -> Callable[[Hit], Said]:
    return lambda _hit: Said(what.format(there=links.provider_name()), todo, url_for("sync_queue.index"), "Sync queue")


def _integrations(what: str, todo: str = "An administrator does that on Integrations.") -> Callable[[Hit], Said]:
    return lambda _hit: Said(
        what.format(there=links.provider_name()), todo, url_for("integrations.index"), "Integrations"
    )


WORDS: dict[Cause, Callable[[Hit], Said]] = {
    Cause.HERE: _here,
    Cause.ARCHIVED: _archived,
    Cause.GONE_THERE: _gone_there,
    Cause.UNMARKED: _unmarked,
    Cause.MERGED: _merged,
    Cause.PAUSED: _paused,
    Cause.UNLINKED: _unlinked,
    Cause.SKIPPED: _skipped,
    Cause.REFUSED: _refused,
    Cause.CHANGED: _changed,
    Cause.BLOCKED: _blocked,
    Cause.KIND_OFF: _kind_off,
    Cause.BEFORE_START: _before_start,
    Cause.OTHER_COMPANY: _other_company,
    Cause.OTHER_BOOK: _other_book,
    Cause.UNCONFIRMED: _queue(
        "It was sent to {there} and no answer came. What became of it is found out before anything is sent again.",
        "Nothing to do.",
    ),
    Cause.QUESTION: lambda _hit: Said(
        f"It may be one that is in {links.provider_name()} already.",
        "Say which one it is.",
        url_for("matches.index"),
        "Matches",
    ),
    Cause.COMPANY_PAUSED: _integrations("The company is paused: nothing travels until somebody resumes it."),
    Cause.KIND_PAUSED: lambda hit: Said(
        f"{KINDS[hit.kind].plural().capitalize()} are paused: none of them travels until somebody resumes them.",
        "",
        url_for("integrations.index"),
        "Integrations",
    ),
    Cause.NOT_APPROVED: lambda hit: Said(
        "It is here and not approved yet; approving is what sends it.", "", page_url(hit.record), "Open it"
    ),
    Cause.COMES_IN: lambda hit: Said(
        f"It was made here, and this list only comes in from {links.provider_name()}.",
        f"Make it in {links.provider_name()}, then update.",
        page_url(hit.record),
        "Open it",
    ),
    Cause.NOT_LINKED: _integrations(
        "It is here; the company is not linked to an accounting system.", "An administrator links it."
    ),
    Cause.LOST: _integrations(
        "The company’s connection has ended; what waits goes when it is linked again.",
        "An administrator links it again.",
    ),
    Cause.UNCONFIRMED_PUSH: lambda _hit: Said(
        "It waits for somebody to look at what would be sent for the first time.",
        "",
        url_for("matches.index"),
        "Matches",
    ),
    Cause.WAITING: _queue("It is on its way to {there}.", "Nothing to do."),
}

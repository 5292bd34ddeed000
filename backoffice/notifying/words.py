"""What notifications say of each need, and on which page a person sees to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from backoffice.models import Need

#: What is so; what waits, for one and for several; and the page.
WORDS: dict[Need, tuple[str, str, str]] = {
    Need.LINK_LOST: ("the link to the accounting system is lost", "links are lost", "integrations"),
    Need.ALERTS: ("bank or tax detail was changed there", "bank or tax details were changed there", "alerts"),
    Need.JOBS: ("sync job failed or asks a question", "sync jobs failed or ask a question", "sync-jobs"),
    Need.REFUSED: ("record was refused", "records were refused", "sync-queue"),
    Need.CHANGED: ("record that was sent was changed there", "records that were sent were changed there", "sync-queue"),
    Need.MATCHES: ("record waits for its match to be told", "records wait for their matches to be told", "matches"),
    Need.DUPLICATES: ("likely duplicate", "likely duplicates", "duplicates"),
    Need.DRIFT: ("difference between both sides", "differences between both sides", "drift-report"),
    Need.WEBHOOK_OFF: ("the webhook for notifications was switched off", "webhooks were switched off", "notifications"),
}  # fmt: skip
#: What is settled, in a word or two.
SETTLED: dict[Need, str] = {
    Need.LINK_LOST: "the lost link",
    Need.ALERTS: "changed bank and tax details",
    Need.JOBS: "failed sync jobs",
    Need.REFUSED: "refused records",
    Need.CHANGED: "records changed there",
    Need.MATCHES: "doubtful matches",
    Need.DUPLICATES: "likely duplicates",
    Need.DRIFT: "differences between both sides",
    Need.WEBHOOK_OFF: "the webhook that was switched off",
}


def said(need: Need, count: int) -> str:
    """What a need is, with how much of it there is."""
    one, several, _ = WORDS[need]
    if count > 1:
        return f"{count:,} {several}"
    return one if one.startswith("the ") else f"1 {one}"


def page(need: Need) -> str:
    """The address of the page, below the company's own."""
    return WORDS[need][2]


def in_order(needs: Iterable[Need]) -> list[Need]:
    """The most pressing first."""
    return sorted(needs, key=list(Need).index)


def lines(found: Counter[Need], needs: Iterable[Need], home: str) -> list[str]:
    """A line for each of these needs, with the address of its page."""
    return [f"- {said(need, max(1, found[need]))}: {home}{page(need)}/" for need in in_order(needs)]

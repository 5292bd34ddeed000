"""What Xero delivers to a webhook. https://developer.xero.com/documentation/guides/webhooks/overview/

The signature is over the bytes as they came: the body has spaces that no writer of JSON would repeat.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from backoffice.clock import now
from backoffice.providers.xero.shape import GUID
from backoffice.sync.provider import Notices, Notified

SIGNATURE = "x-xero-signature"
#: Xero's word for what was changed, and the list that it is in.
CATEGORIES = {"CONTACT": "Contacts", "INVOICE": "Invoices", "CREDITNOTE": "CreditNotes"}
#: Xero has kept no books before; an earlier time is one that nobody filled in.
EARLIEST = datetime(2006, 1, 1, tzinfo=UTC)
#: By so much may Xero's clock be ahead of ours; what is later would hide all that is told of the row afterwards.
LATEST = timedelta(hours=1)


def signed(raw: bytes, signature: str, key: str) -> bool:
    """Whether these very bytes were signed with the key, which is taken as it is written."""
    return hmac.compare_digest(signature_of(raw, key), signature.encode("utf-8", "replace"))


def signature_of(raw: bytes, key: str) -> bytes:
    return base64.b64encode(hmac.new(key.encode(), raw, hashlib.sha256).digest())


def notices(raw: bytes) -> Notices:
    """What a delivery says was changed. What makes no sense is counted and passed over: refusing it mends nothing."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Notices((), odd=1)
    events = body.get("events") if isinstance(body, dict) else None
    if not isinstance(events, list):
        return Notices((), odd=1)
    read = [_notified(event) for event in events]
    told = tuple(notice for notice in read if notice is not None)
    return Notices(told, odd=len(read) - len(told))


def _notified(event: Any) -> Notified | None:
    if not isinstance(event, dict):
        return None
    organisation, row = _guid(event.get("tenantId")), _guid(event.get("resourceId"))
    category, changed_at = event.get("eventCategory"), _moment(event.get("eventDateUtc"))
    resource = CATEGORIES.get(category.upper()) if isinstance(category, str) else None
    if organisation is None or row is None or resource is None or changed_at is None:
        return None
    return Notified(organisation, resource, row, changed_at)


def _guid(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) and GUID.fullmatch(value) else None


def _moment(value: Any) -> datetime | None:
    """A time as webhooks write it: UTC, with or without saying so."""
    try:
        found = datetime.fromisoformat(value)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if EARLIEST <= found <= now() + LATEST else None

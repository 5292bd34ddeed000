"""Time zones of Xero's: every one of them has an IANA name that exists."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from xero_python.accounting import TimeZone

from backoffice.providers.xero.time_zones import ZONES, zone


def test_every_zone_of_the_official_sdk_is_known() -> None:
    # One word there is no zone of anybody's.
    assert {word.value for word in TimeZone if not zone(word.value)} <= {"None"}


def test_every_name_exists() -> None:
    assert [ZoneInfo(name).key for name in ZONES.values()] == list(ZONES.values())


def test_a_zone_never_heard_of() -> None:
    assert zone("LUNARSTANDARDTIME") == ""
    assert zone("") == ""

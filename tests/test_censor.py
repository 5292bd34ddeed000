"""The censor strikes out what looks like a secret, and leaves the rest of a line as it is."""

from __future__ import annotations

import pytest

from backoffice.censor import STRUCK, censored


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer s3cret.to-ken",
        "GET /welcome/s3cret HTTP/1.1",
        "https://books.example.com/oauth/xero/callback?code=s3cret&state=s3cret",
        '{"url": "/token?grant_type=x&refresh_token=s3cret"}',
        "postgresql://backoffice:s3cret@db.example.com/books",
        "redis://:s3cret@cache.example.com:6379/0",
        "signed with whsec_s3cretAAAA=",
        "password=s3cret",
    ],
)
def test_strikes_out(text: str) -> None:
    assert "s3cret" not in censored(text)
    assert STRUCK in censored(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"event": "a sync job ended", "job": 5, "state": "completed"}',
        "connection to server at 127.0.0.1, port 5432 failed",
        "2 codes of 7 records at https://api.xero.com/api.xro/2.0/Contacts?page=2",
    ],
)
def test_leaves_alone(text: str) -> None:
    assert censored(text) == text

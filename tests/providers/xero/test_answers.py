"""What Xero's answers mean: status by status, and its time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from backoffice.errors import (
    BackofficeError,
    ConnectionLostError,
    RateLimitedError,
    RejectedError,
    TransientError,
    UnansweredError,
    UnreadableError,
)
from backoffice.providers.http import Answer
from backoffice.providers.xero import answers
from backoffice.providers.xero.shape import number


def answer(status: int, content: bytes = b"", **headers: str) -> Answer:
    return Answer(
        status, CaseInsensitiveDict({key.replace("_", "-"): value for key, value in headers.items()}), content
    )


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RejectedError),
        (401, ConnectionLostError),
        (403, RejectedError),
        (404, RejectedError),
        (413, RejectedError),
        (429, RateLimitedError),
        (500, TransientError),
        (503, TransientError),
    ],
)
def test_a_status_is_an_error(status: int, kind: type[BackofficeError], writes: bool) -> None:
    assert isinstance(answers.refusal(answer(status), writes), kind)


@pytest.mark.parametrize("status", [302, 500, 502, 503, 504])
def test_a_write_without_a_clear_answer_may_have_been_done(status: int) -> None:
    error = answers.refusal(answer(status), writes=True)
    assert isinstance(error, UnansweredError)
    assert error.status == status
    assert not isinstance(answers.refusal(answer(status), writes=False), UnansweredError)


def test_offline_is_left_alone_for_a_while() -> None:
    offline = answer(503, b"The Organisation is offline", Content_Type="text/plain; charset=utf-8")
    for writes in (False, True):
        error = answers.refusal(offline, writes)
        assert isinstance(error, TransientError)
        assert error.retry_after == 300
    broken = answers.refusal(answer(503, b"<html>", Content_Type="text/html"), writes=False)
    assert isinstance(broken, TransientError)
    assert broken.retry_after is None


@pytest.mark.parametrize(
    ("problem", "after", "limit", "seconds"),
    [
        ("minute", "26", "minute", 26),
        ("day", "7200", "day", 7200),
        ("concurrent", None, "concurrent", 1),
        ("appminute", "9", "app", 9),
        ("app-minute", None, "app", 60),
        ("never-heard-of", "5", "minute", 5),
        (None, None, "minute", 60),
        ("minute", "soon", "minute", 60),
        ("minute", "0", "minute", 1),
    ],
)
def test_which_limit_and_for_how_long(problem: str | None, after: str | None, limit: str, seconds: float) -> None:
    headers = {"X_Rate_Limit_Problem": problem, "Retry_After": after}
    given = {key: value for key, value in headers.items() if value is not None}
    error = answers.limited(answer(429, b"", **given))
    assert (error.limit, error.retry_after) == (limit, seconds)


@pytest.mark.parametrize("word", ["insufficent_scope", "insufficient_scope"])
def test_a_missing_scope_however_it_is_spelled(word: str) -> None:
    error = answers.refusal(answer(401, WWW_Authenticate=f'Bearer realm="xero", error="{word}"'), writes=False)
    assert isinstance(error, ConnectionLostError)
    assert error.reason == "scope_missing"


def test_a_rejection_tells_both_words() -> None:
    body = b'{"ErrorNumber":16,"Type":"QueryParseException","Message":"No field Nmae"}'
    error = answers.rejected(answer(400, body))
    assert (error.message, error.raw) == ("No field Nmae", "No field Nmae")


def test_errors_of_addresses_are_found_too() -> None:
    row = {"Addresses": [{"ValidationErrors": [{"Message": "inner"}]}], "ValidationErrors": [{"Message": "outer"}, "x"]}
    assert list(answers.said(row)) == ["outer", "x", "inner"]


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b'{"Contacts":[{"Na', b"[]", b'{"Contacts":{}}', b'{"Contacts":7}']
)
def test_what_is_no_list_is_unreadable(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        answers.page(answer(200, content), "Contacts")


def test_deep_nonsense() -> None:
    with pytest.raises(UnreadableError):
        answer(200, b"[" * 100_000).json()


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"1e9999999999999999999", b"1" * 5000])
def test_a_number_that_is_none_spoils_its_own_row_alone(text: bytes) -> None:
    row, other = answers.page(
        answer(200, b'{"DateTimeUTC":"/Date(0)/","Items":[{"a":%b},{"b":1}]}' % text), "Items"
    ).rows
    assert other == {"b": 1}
    with pytest.raises(ValueError, match="large"):
        number(row["a"], 4, "a")


def test_what_is_no_object_among_rows_is_a_row_without_anything() -> None:
    page = answers.page(answer(200, b'{"DateTimeUTC":"/Date(0)/","Items":[1,null,{"b":1},[]]}'), "Items")
    assert list(page.rows) == [{}, {}, {"b": 1}, {}]


def test_a_page() -> None:
    page = answers.page(
        answer(200, b'{"DateTimeUTC":"/Date(0)/","pagination":{"pageCount":2,"itemCount":3},"Contacts":[{}]}'),
        "Contacts",
    )
    assert (page.page_count, page.item_count, page.provider_time) == (2, 3, datetime(1970, 1, 1, tzinfo=UTC))


def test_the_clock_of_the_header_stands_in() -> None:
    page = answers.page(answer(200, b'{"Contacts":[]}', Date="Sat, 21 Nov 2026 08:00:00 GMT"), "Contacts")
    assert page.provider_time == datetime(2026, 11, 21, 8, tzinfo=UTC)
    with pytest.raises(UnreadableError):
        answers.page(answer(200, b'{"Contacts":[]}'), "Contacts")


@pytest.mark.parametrize(
    ("text", "year"), [("/Date(1789378193539+0000)/", 2026), ("/Date(-1000)/", 1969), ("/Date(0+0000)/", 1970)]
)
def test_time(text: str, year: int) -> None:
    assert answers.moment(text).year == year


@pytest.mark.parametrize("text", [None, 5, "", "2026-09-14", "/Date()/", "/Date(9999999999999999)/"])
def test_no_time(text: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        answers.moment(text)

"""What may be done to a request on its way, and to its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.faults.proxy import Answer, Exchange, Fault

HTML = b"<!DOCTYPE html><html><body><h1>Please wait while we check your browser</h1></body></html>"


def cut_before(exchange: Exchange) -> None:
    """Nothing of it arrives."""
    exchange.cut()


def cut_after(exchange: Exchange) -> None:
    """It is done, and nobody is told."""
    exchange.forward()
    exchange.cut()


def truncated(exchange: Exchange) -> None:
    """Half of the JSON, as if it were all."""
    answer = exchange.forward()
    exchange.answer(answer.saying(answer.body[: len(answer.body) // 2]))


def torn(exchange: Exchange) -> None:
    """The line breaks in the middle of the answer."""
    answer = exchange.forward()
    exchange.answer(answer.saying(answer.body[: len(answer.body) // 2]), declared=len(answer.body))


def html(exchange: Exchange) -> None:
    """It is done, and a page comes back."""
    answer = exchange.forward()
    page = [(k, v) for k, v in answer.headers if k.lower() != "content-type"]
    exchange.answer(replace(answer, headers=(*page, ("Content-Type", "text/html")), body=HTML))


def empty(exchange: Exchange) -> None:
    """It is done, and nothing stands in the answer."""
    exchange.answer(exchange.forward().saying(b""))


def trickled(exchange: Exchange) -> None:
    """The answer comes in many small pieces."""
    exchange.answer(exchange.forward(), pieces=20, pause=0.02)


def dripped(exchange: Exchange) -> None:
    """The answer comes byte by byte, for longer than anybody waits for one."""
    answer = exchange.forward()
    exchange.answer(answer, pieces=len(answer.body), pause=0.1)


def late(seconds: float) -> Fault:
    """The request is done, and answered after so many seconds."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward()
        time.sleep(seconds)
        exchange.answer(answer)

    return fault


def status(number: int, body: bytes = b"", **headers: str) -> Fault:
    """It is not done; this is answered."""
    said = tuple((name.replace("_", "-"), value) for name, value in headers.items())

    def fault(exchange: Exchange) -> None:
        exchange.answer(Answer(number, said, body))

    return fault


def spoiled(change: Callable[[Any], Any]) -> Fault:
    """It is done, and the answer's JSON is changed on its way."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.answer(answer.saying(change(answer.json)))

    return fault

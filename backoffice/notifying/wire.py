"""The line to a receiver: one request, no redirect, nothing kept of the answer, and no way into a private network."""

from __future__ import annotations

import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, SSLError

from backoffice.config import Settings
from backoffice.errors import BackofficeError

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address
PORTS = {"https": 443, "http": 80}
#: Addresses of IPv4 behind a gateway for it.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
LONGEST = 500
LATE = "It could not be reached, or did not answer in time."


class UnfitReceiverError(BackofficeError):
    """Nothing can be delivered to this address."""


@dataclass(frozen=True)
class Answer:
    """What came of a delivery: the status, if there was an answer, and why it does not count as taken."""

    status: int | None = None
    reason: str = ""

    @property
    def taken(self) -> bool:
        return not self.reason


def check(address: str, settings: Settings) -> SplitResult:
    """The parts of an address that may be delivered to; asks nobody. Raises: UnfitReceiverError."""
    try:
        parts = urlsplit(address)
        fit = parts.scheme in PORTS and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        fit = False
    plain = address.isascii() and address.isprintable() and " " not in address and "\\" not in address
    if not fit or not plain or len(address) > LONGEST:
        raise UnfitReceiverError("This is no address to deliver to. Write it as https://example.com/webhooks.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise UnfitReceiverError("Leave name, password and # out of the address: deliveries are signed instead.")
    if settings.production and parts.scheme != "https":
        raise UnfitReceiverError("The address has to begin with https://.")
    return parts


def post(address: str, body: bytes, headers: dict[str, str], settings: Settings) -> Answer:
    """Deliver once, in the time that connecting and reading may take together. Every failure is an answer.

    A line is given up after a silence only, so whoever answers byte by byte would hold a worker for an hour.
    """
    line = ThreadPoolExecutor(max_workers=1)
    try:
        going = line.submit(_post, address, body, headers, settings)
        return going.result(settings.connect_timeout + settings.read_timeout)
    except TimeoutError:
        return Answer(reason=LATE)
    finally:
        line.shutdown(wait=False)  # a job has a process of its own, and what still hangs ends with that


def _post(address: str, body: bytes, headers: dict[str, str], settings: Settings) -> Answer:
    try:
        parts = check(address, settings)
        pool = _pool(parts, _resolved(parts, settings), settings)
    except UnfitReceiverError as error:
        return Answer(reason=error.message)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    told = {"Host": parts.netloc, "Content-Type": "application/json", "User-Agent": "backoffice", **headers}
    try:
        answer = pool.urlopen("POST", path, body, told, redirect=False, retries=False, preload_content=False)
        status = answer.status
        answer.close()
    except SSLError:
        return Answer(reason="Its certificate is not one that can be trusted.")
    except HTTPError:
        return Answer(reason=LATE)
    finally:
        pool.close()
    return Answer(status, "" if 200 <= status < 300 else f"It answered with {status}, not with 2xx.")


def _resolved(parts: SplitResult, settings: Settings) -> str:
    """The number that the name stands for. It is connected to as it was checked: a name may change in between."""
    port = parts.port or PORTS[parts.scheme]
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnfitReceiverError("There is no such host.") from error
    numbers = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    if settings.production and not all(map(public, numbers)):
        raise UnfitReceiverError("It leads into a private network.")
    return str(min(numbers, key=lambda number: number.version))


def public(number: Ip) -> bool:
    """Whether a number is one of the open internet, also what it carries inside."""
    inside: list[Ip | None] = [number]
    if isinstance(number, ipaddress.IPv6Address):
        inside += [number.ipv4_mapped, number.sixtofour, *(number.teredo or ())]
        if number in NAT64:
            inside.append(ipaddress.IPv4Address(int(number) & 0xFFFFFFFF))
    return all(each is None or (each.is_global and not each.is_multicast) for each in inside)


def _pool(parts: SplitResult, number: str, settings: Settings) -> urllib3.HTTPConnectionPool:
    port = parts.port or PORTS[parts.scheme]
    timeout = urllib3.Timeout(connect=settings.connect_timeout, read=settings.read_timeout)
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(number, port, timeout=timeout)
    name = parts.hostname or ""
    return urllib3.HTTPSConnectionPool(number, port, timeout=timeout, server_hostname=name, assert_hostname=name)

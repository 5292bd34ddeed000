"""E-mail: letters with a document, the outbox that they wait in, and the mail server that takes them."""

from backoffice.mail.letter import Letter, UnfitAddressError, address_of, addresses_of, compose
from backoffice.mail.outbox import MOST_TRIES, again, due, find_lost, put, send
from backoffice.mail.server import CUT, Outcome, gaps, hand_over, mail_server

__all__ = [
    "CUT",
    "MOST_TRIES",
    "Letter",
    "Outcome",
    "UnfitAddressError",
    "address_of",
    "addresses_of",
    "again",
    "compose",
    "due",
    "find_lost",
    "gaps",
    "hand_over",
    "mail_server",
    "put",
    "send",
]

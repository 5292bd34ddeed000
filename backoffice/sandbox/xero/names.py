"""Made-up names: companies, people, streets and goods."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator


def _words(text: str) -> list[str]:
    return text.split("|")


FIRST_NAMES = _words(
    "Aroha|James|Mere|Oliver|Priya|Wei|Sofia|Hemi|Charlotte|Mateo|Fatima|Jack|Leilani|Tomasz|Grace|Arjun|Ruby|"
    "Kenji|Elena|Noah|Amelia|Isaac|Harriet|Omar|Freya|Liam|Ngaire|Zoë"
)
LAST_NAMES = _words(
    "Ngata|Smith|Walker|Patel|Chen|Silva|Wilson|Tane|Brown|Garcia|Khan|Taylor|Kowalski|Morgan|Singh|Tanaka|Rossi|"
    "Clarke|Murphy|Evans|Parata|Hughes|Reid|Osman|Larsen|McKenzie|O'Brien|Young|Fraser"
)
PLACES = _words(
    "Harbour|Northern|Southern|Kauri|Pacific|Tui|City|Coastal|Alpine|Central|Riverside|Eastgate|Summit|Heritage|"
    "Blue|Golden|Green|Silver|Lakeside|Tasman|Thames|Severn|Highland|Bayside|Ironbridge|Cathedral|Fern|Kowhai|"
    "Rata|Westbury"
)
TRADES = _words(
    "Joinery|Office Supplies|Plumbing|Electrical|Catering|Couriers|Timber|Print & Design|Consulting|"
    "Cleaning Services|Building Supplies|Packaging|Foods|Motors|Tools|Landscaping|Steel|Textiles|Logistics|"
    "Software|Glass|Security|Coffee|Stationery|Signs|Scaffolding|Dairy|Bakery|Wholesale|Engineering"
)
FORMS = ("Ltd", "Limited", "& Sons", "Group", "Partners", "Co", "", "")
STREETS = _words("Queen Street|High Street|Victoria Road|Station Road|Mill Lane|Church Street|The Quay|King Street")
QUALITIES = _words("Oak|Steel|Large|Small|Blue|Recycled|Heavy|Light|Folding|Standard|Premium|Outdoor|Brushed|Insulated")
GOODS = _words(
    "Desk|Chair|Shelf|Lamp|Cable|Hammer|Bracket|Panel|Hinge|Folder|Notebook|Pallet|Valve|Filter|Ladder|Bucket|"
    "Crate|Drill|Hose|Tarpaulin"
)


def companies(chance: random.Random, taken: set[str]) -> Iterator[str]:
    """Names of businesses and of some people, none of them twice; adds to `taken`, folded."""
    while True:
        name = _contact_name(chance)
        serial = 1
        while name.casefold() in taken:
            serial += 1
            name = f"{_contact_name(chance)} {chance.choice(('No.', 'Branch', 'Unit'))} {serial}"
        taken.add(name.casefold())
        yield name


def _contact_name(chance: random.Random) -> str:
    draw = chance.random()
    if draw < 0.15:
        return " ".join(person(chance))
    if draw < 0.45:
        return f"{chance.choice(LAST_NAMES)} {chance.choice(TRADES)} {chance.choice(FORMS)}".strip()
    return f"{chance.choice(PLACES)} {chance.choice(TRADES)} {chance.choice(FORMS)}".strip()


def person(chance: random.Random) -> tuple[str, str]:
    return chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)


def email(first: str, last: str, company: str) -> str:
    """An address that leads nowhere, in plain letters: Xero takes no others."""
    local, domain = (re.sub("[^a-z0-9.]+", "-", _plain(text)).strip("-") for text in (f"{first}.{last}", company))
    return f"{local}@{domain.replace('.', '')}.example"


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def street(chance: random.Random) -> str:
    return f"{chance.randrange(1, 240)} {chance.choice(STREETS)}"


def item(chance: random.Random, at: int) -> str:
    return f"{chance.choice(QUALITIES)} {GOODS[at % len(GOODS)]}"

"""Which of Xero's lists can be asked for rows by their ids, and how."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from backoffice.providers.xero.kinds import MAPPERS
from backoffice.providers.xero.shape import WHOLE
from backoffice.sync.mapper import Payload

#: Resources that can be asked for by ids; the others are read whole.
WITH_IDS = {"Contacts", "Invoices"}
#: Resources that can be searched for their ids instead.
WITH_WHERE = {"CreditNotes", "Payments", "Overpayments", "Prepayments"}
#: More of their ids would make the address too long.
IDS_IN_WHERE = 24
#: Resources that know neither; up to so many are asked for one by one, more are looked for in the list.
ONE_BY_ONE = {"PurchaseOrders"}
FEW = 3


def of_row(resource: str, row: Payload) -> set[str]:
    """The ids of all that one row of a resource holds."""
    found: set[str] = set()
    for mapper in MAPPERS:
        if mapper.resource == resource:
            with suppress(ValueError):  # what makes no sense is set aside, with its reason, where it is loaded
                found |= {str(each.get(mapper.id_key)) for each in mapper.rows(row)}
    return found


def asking(resource: str, ids: Sequence[str]) -> dict[str, str]:
    """The parameters that ask for rows by their ids; none for what is read whole."""
    if resource in WITH_IDS:
        return {"IDs": ",".join(ids), **WHOLE}
    if resource in WITH_WHERE:
        key = next(mapper.id_key for mapper in MAPPERS if mapper.resource == resource)
        return {"where": " OR ".join(f'{key}==Guid("{each}")' for each in ids), **WHOLE}
    return {}

"""Which organisations a consent reaches, and the end of one of them.

https://developer.xero.com/documentation/guides/oauth2/tenants
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backoffice.config import Settings
from backoffice.errors import UnreadableError
from backoffice.providers.http import Answer, Request, Wire
from backoffice.providers.xero import answers
from backoffice.sync.provider import Organisation


@dataclass(frozen=True)
class Covered:
    """An organisation and the sign-in in which it was chosen."""

    organisation: Organisation
    event: str


class Connections:
    """The list behind `/connections`. Each method makes one call, which counts against no organisation's limits."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def covered(self, token: str) -> list[Covered]:
        """The organisations that the token reaches."""
        rows = self._send("GET", "", token).json()
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UnreadableError
        return [_covered(row) for row in rows if row.get("tenantType") == "ORGANISATION"]

    def end(self, consent_id: str, token: str) -> None:
        """End one connection; one that is gone already is as well ended."""
        self._send("DELETE", f"/{consent_id}", token, gone_is_fine=True)

    def _send(self, method: str, path: str, token: str, gone_is_fine: bool = False) -> Answer:
        request = Request(method, self._settings.xero_connections_url + path, {}, {"Accept": "application/json"})
        answer = Wire(self._settings).send(request, token)
        error = answers.refusal(answer, request.writes)
        if error is not None and not (gone_is_fine and answer.status == 404):
            raise error
        return answer


def _covered(row: dict[str, Any]) -> Covered:
    tenant, consent = row.get("tenantId"), row.get("id")
    if not isinstance(tenant, str) or not isinstance(consent, str) or not tenant:
        raise UnreadableError
    organisation = Organisation(external_id=tenant, name=str(row.get("tenantName") or ""), consent_id=consent)
    return Covered(organisation, str(row.get("authEventId") or ""))

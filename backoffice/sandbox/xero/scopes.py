"""Scopes: which an app may ask for in either mode, and which open what."""

from __future__ import annotations

from backoffice.sandbox.xero.settings import ScopeMode

ALWAYS = frozenset({"openid", "profile", "email", "offline_access"})
UNCHANGED = frozenset(
    {
        "accounting.settings",
        "accounting.settings.read",
        "accounting.contacts",
        "accounting.contacts.read",
        "accounting.attachments",
        "accounting.attachments.read",
        "accounting.journals.read",
        "accounting.budgets.read",
    }
)
BROAD = frozenset({"accounting.transactions", "accounting.transactions.read", "accounting.reports.read"})
_DOCUMENTS = ("accounting.invoices", "accounting.payments", "accounting.banktransactions", "accounting.manualjournals")
_REPORTS = [
    "aged",
    "balancesheet",
    "banksummary",
    "budgetsummary",
    "executivesummary",
    "profitandloss",
    "trialbalance",
    "taxreports",
]
GRANULAR = frozenset(
    [*_DOCUMENTS, *(f"{scope}.read" for scope in _DOCUMENTS), *(f"accounting.reports.{name}.read" for name in _REPORTS)]
)


def unknown(scopes: list[str], mode: ScopeMode) -> list[str]:
    """Those that this kind of app may not ask for: an app made since 2 March 2026 has the granular ones only."""
    known = ALWAYS | UNCHANGED | GRANULAR | (BROAD if mode == "legacy" else frozenset())
    return [scope for scope in scopes if scope not in known]


def allowed(granted: frozenset[str], writing: frozenset[str], *, write: bool) -> bool:
    """Whether one of the scopes in `writing` was granted, or for a reader its `.read`."""
    enough = writing if write else writing | {f"{scope}.read" for scope in writing}
    return not granted.isdisjoint(enough)

"""The chart of accounts, one way in. https://developer.xero.com/documentation/api/accounting/accounts"""

from __future__ import annotations

from backoffice.models import Account
from backoffice.providers.xero.shape import XeroMapper
from backoffice.sync.mapper import Field


class AccountMapper(XeroMapper):
    """A ledger account. Some bank accounts have no code, so only the id is sure."""

    model = Account
    resource = "Accounts"
    id_key = "AccountID"
    match_by = ("code", "name")
    lookup_key = ("code", "name")
    fields = (
        Field("code", "Code"),
        Field("name", "Name"),
        Field("account_type", "Type"),
        Field("account_class", "Class"),
        Field("tax", "TaxType"),
        Field("description", "Description"),
        Field("takes_payments", "EnablePaymentsToAccount"),
        Field("system_account", "SystemAccount"),
        Field("bank_account", "BankAccountNumber"),
        Field("currency", "CurrencyCode"),
        Field("archived", "Status"),
    )

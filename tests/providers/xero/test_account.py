"""Accounts at Xero: some have no code, and the system's own have a word."""

from __future__ import annotations

from backoffice.providers.xero.account import AccountMapper

MAPPER = AccountMapper()


def test_a_bank_account_without_a_code() -> None:
    payload = {"AccountID": "1", "Name": "Savings", "Type": "BANK", "SystemAccount": "", "Status": "ARCHIVED"}
    values = MAPPER.load({**payload, "BankAccountNumber": "12-3456", "CurrencyCode": "NZD"})
    assert (values["code"], values["system_account"], values["archived"]) == (None, None, True)
    assert (values["bank_account"], values["currency"]) == ("12-3456", "NZD")


def test_a_type_never_heard_of_is_kept_as_it_is() -> None:
    assert MAPPER.load({"AccountID": "1", "Name": "New", "Type": "BRANDNEW"})["account_type"] == "BRANDNEW"

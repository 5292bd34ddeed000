"""Xero's validation messages in plain words: the one table that knows them, for people; nothing branches on it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backoffice.sync.mapper import Refusal


@dataclass(frozen=True)
class Rule:
    """A message of Xero's, what to tell people instead, by which cause it is grouped, and the column to mend.

    `{0}` in the words stands for the first group of the pattern. A column of a line is named without its line.
    """

    pattern: re.Pattern[str]
    words: str
    cause: str
    column: str | None = None
    #: The kinds of record of which it is said; none for any.
    kinds: frozenset[str] = frozenset()


def _rule(pattern: str, words: str, cause: str, column: str | None = None, kinds: tuple[str, ...] = ()) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), words, cause, column, frozenset(kinds))


DOCUMENTS = ("purchase_order", "bill", "invoice", "credit_note")

#: What is said of documents, the most telling first: some messages come together.
_OF_DOCUMENTS: tuple[Rule, ...] = (
    _rule(
        r"(?:order number|invoice #|credit note #) must be unique",
        "Another document in Xero has this number already. Give this one another number.",
        "number_taken",
        "name",
    ),
    _rule(
        r"payments? or credit notes? allocated",
        "Something is paid or credited of this in Xero, and it cannot be changed there until that is taken back. "
        "Void the payment or remove the credit first.",
        "paid_there",
    ),
    _rule(
        r"deleted purchaseorders cannot be updated",
        "This order was deleted in Xero, and Xero changes nothing of it any more. Void it here too, or write it anew.",
        "gone_there",
        "status",
    ),
    _rule(
        r"not of valid status for (?:modification|creation)|status change is invalid",
        "Xero does not take this step: it is paid, voided or deleted there. Update, and see where it stands.",
        "status_invalid",
    ),
    _rule(
        r"lock date",
        "Xero's books are closed up to this date. Give it a later date, or have an adviser move the lock date in Xero.",
        "period_locked",
        "date",
    ),
    _rule(
        r"matched an archived contact|archived contacts cannot currently be edited",
        "The party is archived in Xero. Restore it there, or choose another party.",
        "contact_archived",
        "contact_id",
        DOCUMENTS,
    ),
    _rule(
        r"(?:the contact(?: ID)? .*could not be found|the contact must contain)",
        "The party is not in Xero. Choose another, or link this one again.",
        "contact_unknown",
        "contact_id",
    ),
    _rule(r"due ?date", "Xero needs a due date before it takes this.", "due_date_missing", "due_date"),
    _rule(r"one or more line items", "Xero takes no document without lines.", "no_lines", "lines"),
    _rule(
        r"line total .* does not match",
        "Xero works out another amount for this line than was sent. Save it again, and it is worked out anew.",
        "line_total_differs",
        "unit_price",
    ),
    _rule(
        r"account code '([^']*)' has been archived",
        "Account {0} is archived in Xero. Choose another, or restore it there.",
        "account_archived",
        "account_code",
    ),
    _rule(
        r"account code '([^']*)' is not a valid code",
        "Xero takes no lines on account {0}: it is not there, or is one that Xero keeps for itself. Choose another.",
        "account_unknown",
        "account_code",
    ),
    _rule(
        r"account code must be specified",
        "A line says no account. Choose one, or set a default in the settings.",
        "account_missing",
        "account_code",
    ),
    _rule(
        r"inventory asset account (\S+?)\.?$",
        "The item is one whose stock Xero keeps; what is bought of it posts to account {0}. Choose that one.",
        "account_of_stock",
        "account_code",
    ),
    _rule(
        r"taxtype code '([^']*)'",
        "Xero does not take the tax {0} on this account, or no longer has it. Choose another.",
        "tax_unknown",
        "tax_code",
    ),
    _rule(
        r"item code '([^']*)'",
        "Xero has no item {0}. Choose another, or let the line say everything itself.",
        "item_unknown",
        "item_code",
    ),
    _rule(
        r"tracking (?:category|option) .+? is not active|tracking categor",
        "Xero does not take the tracking of a line: it is archived there, or there is too much of it. Choose another.",
        "tracking_archived",
        "tracking_1_id",
    ),
    _rule(
        r"description must be specified",
        "A line has no description.",
        "description_missing",
        "description",
    ),
    _rule(r"discounts can only", "Xero takes a discount on sales invoices only.", "discount_not_taken", "discount"),
    _rule(r"discount rate must", "Xero takes a discount from 0 to 100 %.", "discount_invalid", "discount"),
    _rule(
        r"(?:invoice|document) total (?:does not|must)|tax amount .* too far",
        "The total is not what Xero takes: {raw}",
        "total_differs",
        "lines",
    ),
)
#: What is said of payments and allocations.
_OF_MONEY: tuple[Rule, ...] = (
    _rule(
        r"exceeds the (?:amount outstanding|remaining credit)",
        "That is more than is left of it in Xero. Update, and lower the amount.",
        "more_than_due",
        "amount",
    ),
    _rule(r"amount must be greater than zero", "Write an amount of more than nothing.", "amount_invalid", "amount"),
    _rule(
        r"(?:against|between) authorised documents",
        "Nothing can be paid of a document that is not authorised in Xero. Have it approved there first.",
        "not_authorised",
    ),
    _rule(
        r"credit can only be allocated to invoices of",
        "Xero allocates a credit only to a document of the same side, party and currency.",
        "allocation_elsewhere",
    ),
    _rule(
        r"belong to a batch payment",
        "This payment was made in a batch in Xero and can be taken back there only. Restore it here.",
        "batch_payment",
        "archived",
    ),
    _rule(
        r"account cannot be used for payments",
        "Xero takes no payments on this account. Choose a bank account, or allow it there.",
        "account_takes_no_payments",
        "account_id",
    ),
    _rule(
        r"account (?:has been archived|could not be found)",
        "The account is not in use in Xero. Choose another.",
        "account_archived",
        "account_id",
    ),
    _rule(
        r"the (?:invoice|creditnote|document) .*could not be found",
        "What is paid is no longer in Xero. Update, and see where it stands.",
        "gone_there",
    ),
)
#: What is said of files.
_OF_FILES: tuple[Rule, ...] = (
    _rule(
        r"maximum of (\d+) attachments", "Xero keeps {0} files of a document. Take one away there.", "too_many_files"
    ),
    _rule(r"attachment has no content", "The file is empty.", "file_empty"),
    _rule(
        r"file name holds characters",
        "Xero does not take this name of a file. Give it one of letters, figures, spaces and dots.",
        "file_name_invalid",
        "name",
    ),
)

RULES: tuple[Rule, ...] = (
    *_OF_DOCUMENTS,
    *_OF_MONEY,
    *_OF_FILES,
    _rule(
        r"contact name (.+?) is already assigned to another contact",
        "Another contact in Xero already has the name {0}. Give this one another name, or link it to that contact.",
        "name_taken",
        "name",
    ),
    _rule(
        r"contact number (.+?) is already assigned to another contact",
        "Another contact in Xero, perhaps an archived one, already has the number {0}. Give this one another number, "
        "or link it to that contact.",
        "number_taken",
        "number",
    ),
    _rule(
        r"matched an archived contact|archived contacts cannot currently be edited",
        "This contact is archived in Xero, and Xero lets nobody change an archived contact from outside. "
        "Restore it in Xero first, then update.",
        "archived_there",
        "archived",
        ("contact",),
    ),
    _rule(
        r"email address.*(valid|format)|valid email",
        "Xero does not take this e-mail address. Write it as name@example.com.",
        "email_invalid",
        "email",
    ),
    _rule(r"tax number.*(valid|format)", "Xero does not take this tax number.", "tax_number_invalid", "tax_number"),
    _rule(
        r"(?:contact )?name (?:must|should|cannot|can not|is required|is mandatory)|name.*(?:<|>)",
        "Xero does not take this name. It needs one, without < and > and without spaces around it.",
        "name_invalid",
        "name",
    ),
    _rule(r"currency", "Xero does not take this currency. Add it in Xero first.", "currency_unknown", "currency"),
    _rule(
        r"(?:organisation|organization).*(?:not subscribed|subscription|trial|expired)",
        "The organisation's Xero subscription does not allow this. Its owner can see to it in Xero.",
        "subscription",
    ),
    _rule(
        r"(?:max(?:imum)? )?length|too long|exceed\w* .*characters",
        "Something here is longer than Xero allows: {raw}",
        "too_long",
    ),
    _rule(r"phone", "Xero does not take this telephone number.", "phone_invalid", "phone"),
    _rule(r"country", "Xero does not take this country. Write it in letters only.", "country_invalid", "country"),
    _rule(
        r"idempotency key",
        "Xero has seen this request before in another form. It is sent anew.",
        "idempotency_key",
    ),
)


def explain(raw: str, kind: str = "contact") -> Refusal:
    """What a message of Xero's about a kind comes to; one not known is shown as it is, under the cause `other`."""
    for rule in RULES:
        if rule.kinds and kind not in rule.kinds:
            continue
        if match := rule.pattern.search(raw):
            words = rule.words.format(*(group or "" for group in match.groups()), raw=_one_line(raw))
            return Refusal(words, rule.cause, rule.column, raw)
    return Refusal(_one_line(raw) or "Xero turned this down without saying why.", "other", None, raw)


def _one_line(raw: str) -> str:
    return " ".join(raw.split())

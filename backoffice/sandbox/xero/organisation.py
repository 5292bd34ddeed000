"""The organisation itself, and what may be done in it."""

from __future__ import annotations

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.call import Call, Reply
from backoffice.sandbox.xero.currencies import several
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.shelf import dump

ALLOWED = [
    "AttachFilesToContacts",
    "AttachFilesToInvoice",
    "AttachFilesToPurchaseOrder",
    "CreateAccount",
    "CreateApprovedBill",
    "CreateApprovedInvoice",
    "CreateBill",
    "CreateContact",
    "CreateCreditNote",
    "CreateDraftInvoice",
    "CreateItem",
    "CreatePayment",
    "CreatePurchaseOrder",
    "CreateTrackingCategory",
    "UpdateAccount",
    "UpdateContact",
    "UpdateItem",
]
NOT_ALLOWED = ["CreateDraftInvoiceWithoutContact"]


class Organisations(Resource):
    """`/Organisation` and `/Organisation/Actions`."""

    name = "Organisations"
    id_key = "OrganisationID"
    writing = frozenset({"accounting.settings"})
    verbs = {"GET": "read_list", "GET/id": "actions"}

    def read_list(self, call: Call) -> Reply:
        return self.reply(call, [dump(call.organisation.body)])

    def actions(self, call: Call, key: str) -> Reply:
        if key.casefold() != "actions":
            raise answers.not_found()
        status = {
            **dict.fromkeys(ALLOWED, True),
            **dict.fromkeys(NOT_ALLOWED, False),
            "UseMulticurrency": several(call),
        }
        found = [{"Name": name, "Status": "ALLOWED" if allowed else "NOT-ALLOWED"} for name, allowed in status.items()]
        return Reply(answers.envelope(call.provider, call.now, "Actions", [dump(one) for one in found]))

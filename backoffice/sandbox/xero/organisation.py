"""The organisation itself, and what may be done in it."""

from __future__ import annotations

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.call import Call, Reply
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.shelf import dump

ALLOWED = [
    "AttachFilesToContacts",
    "CreateAccount",
    "CreateBill",
    "CreateContact",
    "CreateItem",
    "CreatePurchaseOrder",
    "CreateTrackingCategory",
    "UpdateAccount",
    "UpdateContact",
    "UpdateItem",
]
NOT_ALLOWED = ["CreateDraftInvoiceWithoutContact", "UseMulticurrency"]


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
        found = [{"Name": name, "Status": "ALLOWED"} for name in ALLOWED]
        found += [{"Name": name, "Status": "NOT-ALLOWED"} for name in NOT_ALLOWED]
        return Reply(answers.envelope(call.provider, call.now, "Actions", [dump(one) for one in found]))

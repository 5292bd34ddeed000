"""What we keep. `RECORDS` registers the kinds; the rest of the application reads it there."""

from __future__ import annotations

from sqlalchemy import event
from sqlalchemy.orm import Session

from backoffice.models import book, duplicate, hooks, reach
from backoffice.models.account import Account
from backoffice.models.account_mapping import AccountMapping
from backoffice.models.advance import Overpayment, Prepayment
from backoffice.models.alert import Alert
from backoffice.models.attachment import Attachment, AttachmentContent
from backoffice.models.bill import Bill, BillLine
from backoffice.models.company import Company, CompanyOwned
from backoffice.models.connection import Authorisation, Connection, ConnectionState, Grant
from backoffice.models.contact import Contact
from backoffice.models.credit_note import Allocation, CreditNote, CreditNoteLine
from backoffice.models.csv_import import CsvImport
from backoffice.models.deletion import Deletion
from backoffice.models.delivery import Delivery, DeliveryState, Receiver
from backoffice.models.document import Document, Status
from backoffice.models.drift import Cause, ComparedList, ComparedSeen, Drift, Reconciliation, Settled
from backoffice.models.duplicate import Duplicate
from backoffice.models.history import Author, History, writing_as
from backoffice.models.invoice import Invoice, InvoiceLine
from backoffice.models.item import Item
from backoffice.models.likeness import Likeness
from backoffice.models.line import Line
from backoffice.models.line_defaults import LineDefaults
from backoffice.models.link import Direction, Link, LinkState, Route
from backoffice.models.mail import Mail, MailState
from backoffice.models.match import Match
from backoffice.models.need import HowOften, Need, NeedChange, Subscription, Told
from backoffice.models.payment import Payment
from backoffice.models.preview import Foreseen, Preview, PreviewAnswer, PreviewRow
from backoffice.models.purchase_order import PurchaseOrder, PurchaseOrderLine
from backoffice.models.record import Record
from backoffice.models.second_factor import RecoveryCode
from backoffice.models.settings import Approvers, CompanySettings, Inventory, SentAs, Strictness, Winner, new_company
from backoffice.models.side import Side
from backoffice.models.sign_in_rules import SignInRules
from backoffice.models.sync_attempt import AttemptState, SyncAttempt, SyncAttemptItem
from backoffice.models.sync_job import (
    JobState,
    PullRun,
    PullSeen,
    StartedBy,
    SyncJob,
    Tick,
    Urgency,
    Waiting,
    Work,
)
from backoffice.models.tax_mapping import TaxMapping
from backoffice.models.tax_rate import TaxRate
from backoffice.models.totals import Totals, Treatment
from backoffice.models.tracking import TrackingCategory, TrackingOption
from backoffice.models.undo import Undo
from backoffice.models.user import Role, User
from backoffice.models.webhook import NEVER, Notice, NoticeReading, Webhook

#: Every kind of record, in the order people meet them.
RECORDS: tuple[type[Record], ...] = (
    Contact,
    Item,
    Account,
    TrackingCategory,
    TrackingOption,
    TaxRate,
    PurchaseOrder,
    Bill,
    Invoice,
    CreditNote,
    Allocation,
    Prepayment,
    Overpayment,
    Payment,
    Attachment,
)
KINDS: dict[str, type[Record]] = {model.kind: model for model in RECORDS}


def listen(session: type[Session]) -> None:
    """Put the hooks that keep revision, history and guard on a class of sessions."""
    event.listen(session, "before_flush", hooks.before_flush)
    event.listen(session, "after_flush", hooks.after_flush)
    event.listen(session, "after_flush_postexec", hooks.after_flush_postexec)
    event.listen(session, "do_orm_execute", hooks.refuse_bulk)
    event.listen(session, "after_commit", duplicate.after_commit)
    event.listen(session, "after_rollback", duplicate.after_rollback)
    event.listen(session, "do_orm_execute", book.only_open_book)
    event.listen(session, "do_orm_execute", reach.only_within_reach)


__all__ = [
    "KINDS",
    "NEVER",
    "RECORDS",
    "Account",
    "AccountMapping",
    "Alert",
    "Allocation",
    "Approvers",
    "Attachment",
    "AttachmentContent",
    "AttemptState",
    "Author",
    "Authorisation",
    "Bill",
    "BillLine",
    "Cause",
    "Company",
    "CompanyOwned",
    "CompanySettings",
    "ComparedList",
    "ComparedSeen",
    "Connection",
    "ConnectionState",
    "Contact",
    "CreditNote",
    "CreditNoteLine",
    "CsvImport",
    "Deletion",
    "Delivery",
    "DeliveryState",
    "Direction",
    "Document",
    "Drift",
    "Duplicate",
    "Foreseen",
    "Grant",
    "History",
    "HowOften",
    "Inventory",
    "Invoice",
    "InvoiceLine",
    "Item",
    "JobState",
    "Likeness",
    "Line",
    "LineDefaults",
    "Link",
    "LinkState",
    "Mail",
    "MailState",
    "Match",
    "Need",
    "NeedChange",
    "Notice",
    "NoticeReading",
    "Overpayment",
    "Payment",
    "Prepayment",
    "Preview",
    "PreviewAnswer",
    "PreviewRow",
    "PullRun",
    "PullSeen",
    "PurchaseOrder",
    "PurchaseOrderLine",
    "Receiver",
    "Reconciliation",
    "Record",
    "RecoveryCode",
    "Role",
    "Route",
    "SentAs",
    "Settled",
    "Side",
    "SignInRules",
    "StartedBy",
    "Status",
    "Strictness",
    "Subscription",
    "SyncAttempt",
    "SyncAttemptItem",
    "SyncJob",
    "TaxMapping",
    "TaxRate",
    "Tick",
    "Told",
    "Totals",
    "TrackingCategory",
    "TrackingOption",
    "Treatment",
    "Undo",
    "Urgency",
    "User",
    "Waiting",
    "Webhook",
    "Winner",
    "Work",
    "listen",
    "new_company",
    "writing_as",
]

"""DocumentWriting: how a document is written and changed: its form with its lines, and what stands in the way."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from backoffice.admin import links
from backoffice.admin.company_base import here, number
from backoffice.admin.document_form import DocumentForm
from backoffice.admin.document_words import today
from backoffice.admin.line_choices import Choices
from backoffice.admin.line_rows import Rows, label
from backoffice.admin.record_view import RecordView
from backoffice.admin.saving import TAKEN, read_only_sentence
from backoffice.errors import ReadOnlyRecordError
from backoffice.extensions import db
from backoffice.models import CompanySettings, Document, Side, rules
from backoffice.models.approval import why_frozen


class DocumentWriting(RecordView):
    """The form of one kind of document."""

    record: ClassVar[type[Document]]
    #: What its party is called here.
    party: ClassVar[str] = "Supplier"
    form: ClassVar[type[DocumentForm]]

    def why_frozen(self, record: Any) -> str:
        """Why a document cannot be changed by the person who looks; empty if it can."""
        settings = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == here().id))
        return why_frozen(db.session(), settings, record, current_user.role, current_user.id)

    def frozen(self, record: Any) -> bool:
        return super().frozen(record) or bool(self.why_frozen(record))

    def change_archived(self, record: Any, archived: bool) -> str | None:
        return f"{record} is voided, not archived: use Void." if archived else "What is voided stays so; make it anew."

    def side(self, record: Any) -> Side:
        """Which side it is on; of a new one, which is asked for."""
        return self.record.side

    def rows(self, record: Any) -> Rows:
        # One that came with a discount, or was given one earlier, can lose it.
        discounts = self.record.discounted or any(line.discount for line in (record.lines if record else ()))
        return Rows(record, Choices(self.side(record)), self.record.price_places, discounts)

    def _furnished(self, form: Any, record: Any) -> Any:
        """A form with its lines, from the document or from what was typed."""
        rows = self.rows(record)
        form.lines = rows.read(request.form) if request.method == "POST" else rows.shown(form.treatment.data)
        form.contact.label.text = self.party_of(record)
        return form

    def party_of(self, record: Any) -> str:
        """What the party of one document is called."""
        return self.party

    def create_form(self, obj: Any = None) -> Any:
        form = super().create_form(obj)
        if request.method == "GET":
            form.date.data = today()
            party = number(request.args.get("contact"))
            found = links.record_at("contact", party)
            form.contact.data = found
        return self._furnished(form, None)

    def edit_form(self, obj: Any = None) -> Any:
        return self._furnished(super().edit_form(obj), obj)

    def validate_form(self, form: Any) -> bool:
        fine = bool(super().validate_form(form))
        if "name" not in form.errors and form.name.data:
            fine = self._number_is_free(form) and fine
        return fine

    def _number_is_free(self, form: Any) -> bool:
        held = form._obj if form._obj is not None and form._obj.id else None
        side, party, model = self.side(held), form.contact.data, self.record
        if party is None:
            return True  # that is said at the party
        key = model.number_key(side, form.name.data, party.id)
        if held is not None and key == model.number_key(side, held.name, held.contact_id):
            return True
        but = held.id if held is not None else None
        other = rules.number_holder(db.session(), model, here().id, side, form.name.data, party.id, but)
        if other is not None:
            said = Markup('<a href="{}">{}</a> is here already{}; choose another number, or leave this one out.')
            whose = f" from {party}" if model.numbered_by_party(side) else ""
            form.name.errors = [said.format(url_for(f"{self.endpoint}.details_view", id=other.id), other.name, whose)]
        return other is None

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        record = self.one()
        why = self.why_frozen(record)
        if request.method == "POST" and why:
            flash(why, "warning")
            return redirect(self.open_url(record), code=303)
        return super().edit_view()

    def write(self, record: Any, name: str | None = None) -> str | None:
        try:
            self.follow(record)
        except ReadOnlyRecordError:
            db.session.rollback()
            g.refused_here = True
            return read_only_sentence(name or record)
        except IntegrityError:
            db.session.rollback()
            return TAKEN
        return super().write(record, name)

    def create_model(self, form: Any) -> Any:
        try:
            return super().create_model(form)
        except StaleDataError:  # its party or its order was changed at the same moment
            db.session.rollback()
            flash("Somebody changed what this belongs to at the same moment. Save it once more.", "danger")
            return None

    def follow(self, record: Any) -> None:
        """What changes with a document, in the same transaction: its party is one of this side from now on."""
        db.session.flush()
        rules.mark_party(record, self.side(record))

    @expose("/lookup/")
    def lookup(self) -> ResponseReturnValue:
        """Parties and items by a piece of their text, for the form."""
        choices = Choices(self.side(None))
        text = request.args.get("q", "").replace("\x00", "").strip()[:100]
        found = choices.found_parties(text) if request.args.get("what") == "party" else choices.found_items(text)
        return jsonify(found)

    def line_label(self, column: str) -> str:
        return label(column)

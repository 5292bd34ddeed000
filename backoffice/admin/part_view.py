"""PartView: the screen of what belongs to a document and is made and taken back there, never edited by itself."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import redirect
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.admin import links
from backoffice.admin.forms import RecordForm
from backoffice.admin.record_view import RecordView
from backoffice.models import Record


class PartView(RecordView):
    """A list and a page, without a form."""

    #: What a person is told who tries to change one.
    why_frozen: ClassVar[str]
    creatable = editable = archivable = False
    archived_word = "Voided"
    form = RecordForm
    action_disallowed_list = ("delete", "archive", "restore")
    details_template = "documents/part.html"
    switches = {"archived": (("no", "Active"), ("yes", "Voided"), ("all", "All"))}

    def frozen(self, record: Any) -> bool:
        return True

    def change_archived(self, record: Any, archived: bool) -> str | None:
        return self.why_frozen

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        return redirect(self.open_url(self.one()), code=303)

    def page_of(self, value: Any) -> str | None:
        """The page of what a column names, where it is another record."""
        if not isinstance(value, Record) or value.kind in ("account", "contact"):
            return None
        return links.page_of(value)

"""Tracking categories and their options, one way in; both come in one list.

https://developer.xero.com/documentation/api/accounting/trackingcategories
"""

from __future__ import annotations

from collections.abc import Sequence

from backoffice.models import TrackingCategory, TrackingOption
from backoffice.providers.xero.shape import XeroMapper
from backoffice.sync.mapper import Field, Payload, Ref


class TrackingCategoryMapper(XeroMapper):
    """A category without its options, which are rows of their own."""

    model = TrackingCategory
    resource = "TrackingCategories"
    id_key = "TrackingCategoryID"
    match_by = ("name",)
    lookup_key = ("name",)
    fields = (Field("name", "Name"), Field("archived", "Status"))

    def rows(self, payload: Payload) -> Sequence[Payload]:
        return ({key: value for key, value in payload.items() if key != "Options"},)


class TrackingOptionMapper(XeroMapper):
    """An option, told which category it is in."""

    model = TrackingOption
    resource = "TrackingCategories"
    id_key = "TrackingOptionID"
    match_by = ("name",)
    fields = (Field("name", "Name"), Field("archived", "Status"))
    refs = (Ref("category_id", "TrackingCategoryID", TrackingCategory.kind),)

    def rows(self, payload: Payload) -> Sequence[Payload]:
        """Raises: ValueError where the options are no list of objects."""
        options = payload.get("Options") or []
        if not isinstance(options, list) or not all(isinstance(option, dict) for option in options):
            raise ValueError("Options is no list")
        return [{**option, "TrackingCategoryID": payload.get("TrackingCategoryID")} for option in options]

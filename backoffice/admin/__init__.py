"""The screens, as data where data is enough. The only place that knows Flask-Admin."""

from __future__ import annotations

from flask import Flask

from backoffice.admin import auth, consent, frame, security
from backoffice.admin.account_mappings import AccountMappingsView
from backoffice.admin.auth import AccountView
from backoffice.admin.changed_there import ChangedView
from backoffice.admin.companies import CompaniesView
from backoffice.admin.company_base import company_admin, house_admin
from backoffice.admin.imports import ImportsView
from backoffice.admin.integrations import IntegrationsView
from backoffice.admin.matches import MatchesView
from backoffice.admin.overview import FrontDoor, OverviewView
from backoffice.admin.settings import SettingsView
from backoffice.admin.sync_jobs import SyncJobsView
from backoffice.admin.sync_queue import SyncQueueView
from backoffice.admin.synchronised import SynchronisedView
from backoffice.admin.tax_mappings import TaxMappingsView
from backoffice.admin.unmapped import UnmappedView
from backoffice.admin.users import UsersView
from backoffice.admin.views import RECORD_VIEWS, SCREENS


def init_app(app: Flask) -> None:
    """Put every page on an application."""
    security.protect(app)
    auth.register(app)
    consent.register(app)
    app.extensions["screens"] = SCREENS
    with app.app_context():
        house = house_admin(app, FrontDoor())
        company = company_admin(app, OverviewView())
        for view in RECORD_VIEWS:
            company.add_view(view())
        company.add_view(ChangedView())
        for lists in (TaxMappingsView, AccountMappingsView, UnmappedView, ImportsView):
            company.add_view(lists())
        for page in (SyncJobsView, SyncQueueView, IntegrationsView, SynchronisedView, MatchesView):
            company.add_view(page())
        for shared in (CompaniesView, UsersView, AccountView):
            house.add_view(shared())
        company.add_view(SettingsView())
    frame.furnish(app, (company, house))

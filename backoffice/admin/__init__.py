"""The screens, as data where data is enough. The only place that knows Flask-Admin."""

from __future__ import annotations

from flask import Flask

from backoffice.admin import auth, consent, frame, security
from backoffice.admin.account_mappings import AccountMappingsView
from backoffice.admin.alerts import AlertsView
from backoffice.admin.auth import AccountView
from backoffice.admin.changed_there import ChangedView
from backoffice.admin.companies import CompaniesView
from backoffice.admin.company_base import company_admin, house_admin
from backoffice.admin.company_deletion import CompanyDeletionView
from backoffice.admin.drift import DriftView
from backoffice.admin.duplicates import DuplicatesView
from backoffice.admin.history_page import HistoryView
from backoffice.admin.imports import ImportsView
from backoffice.admin.integrations import IntegrationsView
from backoffice.admin.matches import MatchesView
from backoffice.admin.notifications import NotificationsView
from backoffice.admin.overview import FrontDoor, OverviewView
from backoffice.admin.pausing import PausingView
from backoffice.admin.previews import PreviewsView
from backoffice.admin.second_factor import SecondFactorView
from backoffice.admin.set_aside import SetAsideView
from backoffice.admin.settings import SettingsView
from backoffice.admin.sign_in_rules import SignInRulesView
from backoffice.admin.sync_jobs import SyncJobsView
from backoffice.admin.sync_queue import SyncQueueView
from backoffice.admin.synchronised import SynchronisedView
from backoffice.admin.tax_mappings import TaxMappingsView
from backoffice.admin.undoing import UndoView
from backoffice.admin.unmapped import UnmappedView
from backoffice.admin.users import UsersView
from backoffice.admin.views import RECORD_VIEWS, SCREENS
from backoffice.admin.webhooks import WebhooksView
from backoffice.admin.why import WhyView


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
        company.add_view(AlertsView())
        company.add_view(DuplicatesView())
        for lists in (TaxMappingsView, AccountMappingsView, UnmappedView, ImportsView):
            company.add_view(lists())
        for page in (SyncJobsView, PreviewsView, SyncQueueView, IntegrationsView, SynchronisedView, MatchesView):
            company.add_view(page())
        company.add_view(DriftView())
        for past in (HistoryView, UndoView):
            company.add_view(past())
        company.add_view(WhyView())
        for shared in (CompaniesView, CompanyDeletionView, UsersView, SignInRulesView, AccountView, SecondFactorView):
            house.add_view(shared())
        company.add_view(SettingsView())
        company.add_view(NotificationsView())
        company.add_view(SetAsideView())
        company.add_view(PausingView())
        company.add_view(WebhooksView())
    frame.furnish(app, (company, house))

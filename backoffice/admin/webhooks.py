"""The webhook of an accounting system, on its card: where it delivers, its signing key, and how deliveries went."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.admin.addresses import public_address
from backoffice.admin.company_base import Page
from backoffice.admin.settings import settings_here
from backoffice.admin.words import kinds_text
from backoffice.errors import LostKeyError
from backoffice.extensions import db
from backoffice.models import CompanySettings, Role, Webhook
from backoffice.sync import webhook
from backoffice.sync.provider import Provider

#: Far longer than any key.
LONGEST_KEY = 500


@dataclass(frozen=True)
class Card:
    """What the page says of a webhook."""

    address: str
    #: Why the provider itself would not deliver to this address; empty where it would.
    unreachable: str
    kept: Webhook | None
    told: str
    not_told: str
    polled: str
    #: Whether no key opens the signing key any more.
    key_lost: bool

    @property
    def key_set(self) -> bool:
        return self.kept is not None and self.kept.key_set_at is not None


def card(provider: Provider) -> Card | None:
    """The webhook of a provider, for the company whose page this is; None where the provider has none."""
    if not provider.notifies or provider.configured():
        return None
    telling = [mapper for mapper in provider.mappers if mapper.resource in provider.notifies]
    named = {mapper.kind for mapper in telling} | {mapper.carries for mapper in telling}
    told = [mapper.kind for mapper in provider.mappers if mapper.kind in named]
    others = [mapper.kind for mapper in provider.mappers if mapper.kind not in told and mapper.direction.comes]
    return Card(
        public_address("webhooks.receive", key=provider.key),
        _unreachable(provider.name),
        webhook.of(db.session(), provider),
        kinds_text(told),
        kinds_text(others),
        _polled(settings_here()),
        _key_lost(provider),
    )


def _key_lost(provider: Provider) -> bool:
    try:
        webhook.signing_key(db.session(), provider)
    except LostKeyError:
        return True
    return False


def _unreachable(name: str) -> str:
    settings = current_app.extensions["settings"]
    if not settings.production:
        return f"{name} itself cannot reach this address: it is on your own machine."
    return "" if settings.https else f"{name} delivers to https addresses alone."


def _polled(settings: CompanySettings) -> str:
    """How the company hears of everything else."""
    ways = [f"every {settings.update_every} minutes"] if settings.update_every else []
    ways += [f"every night at {settings.nightly_at:%H:%M}"] if settings.nightly else []
    return " and ".join(ways) or "when somebody presses Update"


class WebhooksView(Page):
    """The form's buttons; the page is Integrations."""

    in_menu = False
    write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Webhook", endpoint="webhook_key", url="webhooks")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return _back()

    @expose("/<key>/key/", methods=("POST",))
    def keep(self, key: str) -> ResponseReturnValue:
        """Keep the signing key; it is never shown again."""
        provider, given = _provider(key), request.form.get("signing_key", "").strip()
        if not given or len(given) > LONGEST_KEY or not given.isascii() or not given.isprintable() or " " in given:
            flash(f"That is no signing key. Copy the webhooks key of your app from {provider.name}.", "warning")
            return _back()
        webhook.keep_key(db.session(), provider, given)
        flash(f"The signing key is kept. What {provider.name} delivers is taken from now on.", "success")
        return _back()

    @expose("/<key>/key/remove/", methods=("POST",))
    def remove(self, key: str) -> ResponseReturnValue:
        """Forget the signing key: every delivery is refused from then on."""
        provider = _provider(key)
        webhook.keep_key(db.session(), provider, None)
        flash(f"The signing key is removed. What {provider.name} delivers is refused from now on.", "success")
        return _back()


def _provider(key: str) -> Provider:
    found: Provider | None = current_app.extensions["providers"].get(key)
    return found if found is not None and found.notifies else abort(404)


def _back() -> ResponseReturnValue:
    return redirect(url_for("integrations.index", _anchor="webhook"), code=303)

"""Webhooks, as the service's methods see them: `webhooks = Webhooks()`, then `self.webhooks.add(…)`."""

import uuid
from datetime import UTC, datetime
from typing import Any

from nameko.extensions import DependencyProvider
from nameko_sqlalchemy.database import Session
from sqlalchemy import func, insert, select, text, update

from common.accounts.access import Person
from common.accounts.identity import Caller, Identities
from common.errors import Invalid, NotFound, TooMany, TooManyRequests
from common.notifications import deliveries
from common.notifications.tables import Webhook
from common.observability import logs
from common.postgres.provider import Postgres
from notifier_service.settings import NotifierSettings
from notifier_service.webhooks import addresses, channel, signatures, standing, webhook_form

MAX_WEBHOOKS = 50

_SECONDS_OF_A_TEST = 5.0  # that one which waits may still take
_ADD_TEST = text(f"""
    insert into notification_deliveries (event_id, channel, kind, recipient)
    select :event_id, '{deliveries.WEBHOOK}', '{deliveries.TEST}', :recipient
    where not exists (
        select from notification_deliveries
        where channel = '{deliveries.WEBHOOK}' and recipient = :recipient and kind = '{deliveries.TEST}'
            and status = 'waiting'
    )
    returning event_id
""")


class Webhooks(DependencyProvider):
    """What can be done with webhooks. It is for admins: a webhook carries every order's steps out of the house,
    with the names of whoever moved them. Everything raises Unauthorized, Forbidden, and Unavailable without
    PostgreSQL. Keeps nothing for a worker, so all share it."""

    postgres = Postgres()

    def setup(self) -> None:
        self._settings: NotifierSettings = self.container.settings
        self._sessions = self.postgres.sessions
        self._identities = Identities(self._sessions, self._settings.signing_keys())

    def get_dependency(self, worker_ctx: object) -> "Webhooks":
        return self

    def all(self, caller: Caller) -> dict[str, object]:
        """All of them, the oldest first."""
        self._admin(caller)
        with self._sessions.begin() as session:
            found = session.scalars(select(Webhook).order_by(Webhook.id).limit(MAX_WEBHOOKS))
            return {"items": [_shown(each) for each in found], "next": None}

    def read(self, webhook_id: object, caller: Caller) -> dict[str, object]:
        """One of them. Raises NotFound."""
        self._admin(caller)
        with self._sessions.begin() as session:
            return _shown(_found(session, webhook_id))

    def add(self, body: object, caller: Caller) -> dict[str, object]:
        """Make one; the answer is the only one that holds its secret. Raises Invalid, and TooMany when there
        are as many as there may be."""
        person = self._admin(caller)
        columns = webhook_form.new(body)
        self._refuse_place(columns["url"])
        secret = signatures.new_secret()
        with self._sessions.begin() as session:
            if session.execute(select(func.count()).select_from(Webhook)).scalar_one() >= MAX_WEBHOOKS:
                raise TooMany(f"There are {MAX_WEBHOOKS} webhooks, and no more may be.")
            made = insert(Webhook).values(**columns, secret=secret, created_by=person.user_id).returning(Webhook)
            shown = _shown(session.scalars(made).one())
        channel.look_again()
        _log("webhook_added", shown, person)
        return {**shown, "secret": signatures.written(secret)}

    def change(self, webhook_id: object, body: object, caller: Caller) -> dict[str, object]:
        """Change some of it, or switch it off and on ({"enabled": …}), or end its old secret before its time
        ({"old_secret_ends_at": null}). Raises Invalid and NotFound."""
        person = self._admin(caller)
        columns = webhook_form.changes(body)
        if "url" in columns:
            self._refuse_place(columns["url"])
        enabled = columns.pop("enabled", None)
        if "old_secret_ends_at" in columns:
            columns["old_secret"] = None
        with self._sessions.begin() as session:
            webhook = _found(session, webhook_id, for_update=True)
            is_on = webhook.switched_off_at is None
            if enabled is False and is_on:
                columns |= {"switched_off_at": func.now(), "switched_off_because": "by hand"}
                standing.drop_waiting(session, webhook.id, "the webhook was switched off")
            if enabled is True or "url" in columns:  # what was held against it does not count any more
                columns |= {"failures": 0, "failing_since": None}
            if enabled is True:
                columns |= {"switched_off_at": None, "switched_off_because": None}
            if columns:
                webhook = session.scalars(_update(webhook, columns)).one()
            shown = _shown(webhook)
        _log("webhook_changed", shown, person)
        return shown

    def remove(self, webhook_id: object, caller: Caller) -> dict[str, object]:
        """Take it away; what waits for it is dropped. Raises NotFound."""
        person = self._admin(caller)
        with self._sessions.begin() as session:
            webhook = _found(session, webhook_id, for_update=True)
            shown = _shown(webhook)
            standing.drop_waiting(session, webhook.id, "the webhook was taken away")
            session.delete(webhook)
        _log("webhook_removed", shown, person)
        return shown

    def test(self, webhook_id: object, caller: Caller) -> dict[str, object]:
        """Have something sent to it that is about no order, once, also while it is off. Raises NotFound, and
        TooManyRequests while another test waits."""
        person = self._admin(caller)
        event_id = uuid.uuid4()
        with self._sessions.begin() as session:
            webhook = _found(session, webhook_id, for_update=True)
            shown = _shown(webhook)
            values = {"event_id": event_id, "recipient": str(webhook.id)}
            if session.execute(_ADD_TEST, values).one_or_none() is None:
                raise TooManyRequests.until(_SECONDS_OF_A_TEST)
        _log("webhook_tested", shown, person)
        return {"event_id": str(event_id), "status": "waiting"}

    def rotate_secret(self, webhook_id: object, body: object, caller: Caller) -> dict[str, object]:
        """Give it a new secret, which only this answer holds. Its old one goes on for a day, or for
        {"old_secret_seconds": …}; one from before that ends. Raises Invalid and NotFound."""
        person = self._admin(caller)
        seconds = webhook_form.overlap(body)
        secret = signatures.new_secret()
        with self._sessions.begin() as session:
            webhook = _found(session, webhook_id, for_update=True)
            columns: dict[str, Any] = {"secret": secret, "old_secret": None, "old_secret_ends_at": None}
            if seconds:
                ends_at = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
                columns |= {"old_secret": webhook.secret, "old_secret_ends_at": ends_at}
            shown = _shown(session.scalars(_update(webhook, columns)).one())
        _log("webhook_secret_rotated", shown, person)
        return {**shown, "secret": signatures.written(secret)}

    def _admin(self, caller: Caller) -> Person:
        person = self._identities.of(caller)
        person.must_be_admin()
        return person

    def _refuse_place(self, url: str) -> None:
        settings = self._settings
        rules = {"allow_http": settings.webhooks_allow_http, "allow_private": settings.webhooks_allow_private}
        why = addresses.refusal(addresses.read(url), **rules)
        if why is not None:
            raise Invalid.fields([{"field": "url", "message": why}])


def _found(session: Session, webhook_id: object, for_update: bool = False) -> Webhook:
    number = str(webhook_id)
    webhook = None
    if number.isascii() and number.isdecimal() and len(number) <= 18:
        webhook = session.get(Webhook, int(number), with_for_update=for_update)
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook


def _update(webhook: Webhook, columns: dict[str, Any]) -> Any:
    changed = update(Webhook).where(Webhook.id == webhook.id).values(columns).returning(Webhook)
    return changed.execution_options(populate_existing=True)


def _log(action: str, shown: dict[str, object], person: Person) -> None:
    """Not where it leads to: a URL may hold a secret of its receiver's."""
    logs.event(action, f"webhook {shown['id']}", webhook_id=shown["id"], by=person.user_id)


def _shown(webhook: Webhook) -> dict[str, object]:
    ends_at = webhook.old_secret_ends_at
    return {
        "id": webhook.id,
        "url": webhook.url,
        "description": webhook.description,
        "events": webhook.events,
        "enabled": webhook.switched_off_at is None,
        "switched_off_at": webhook.switched_off_at,
        "switched_off_because": webhook.switched_off_because,
        "failing_since": webhook.failing_since,
        "old_secret_ends_at": ends_at if ends_at is not None and ends_at > datetime.now(UTC) else None,
        "created_by": webhook.created_by,
        "created_at": webhook.created_at,
    }

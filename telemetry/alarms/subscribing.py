"""Who is told of alarms: subscriptions written and withdrawn."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from ops import errors
from ops.accounts.models import Organisation
from telemetry.alarms import webhooks
from telemetry.alarms.models import Delivery, Subscription
from telemetry.alarms.models_notices import Channel


class BadTarget(errors.Invalid):
    code = "invalid_target"


class NoMailServer(errors.Unavailable):
    code = "no_mail_server"


@transaction.atomic
def write(
    *, subscription_id: UUID, organisation: Organisation, by: str, secret: str = "", **said: Any
) -> tuple[Subscription, str]:
    """Write a subscription whole; return it, and its secret when it is new or given anew.

    Safe to repeat. Without a secret a new one gets one, and an old one keeps its own.
    """
    check_target(said["channel"], said["target"])
    known = Subscription.objects.select_for_update().filter(pk=subscription_id).first()
    if known is not None and known.organisation_id != organisation.pk:
        raise errors.IdReused(f"{subscription_id} already names something else.")
    if known is None:
        fresh = secret or secrets.token_urlsafe(32)
        row, is_new = Subscription.objects.get_or_create(
            id=subscription_id,
            defaults={**said, "organisation": organisation, "created_by": by, "secret": fresh},
        )
        return row, fresh if is_new else ""
    for name, value in said.items():
        setattr(known, name, value)
    if secret:
        known.secret = secret
    known.save()
    return known, secret


def check_target(channel: str, target: str) -> None:
    """Refuse an address that could never be written to; its host is judged at each sending too."""
    if channel == Channel.WEBHOOK:
        try:
            _, host, port, _ = webhooks.check_url(target)
            webhooks.judged(host, port)
        except webhooks.Failed as error:
            raise BadTarget(f"target: {error}.") from error
        return
    try:
        validate_email(target)
    except ValidationError as error:
        raise BadTarget(f"target: {target[:80]!r} is no e-mail address.") from error
    if not settings.EMAIL_HOST:
        raise NoMailServer("There is no mail server; ZENITH_SMTP_HOST says which.")


def send_test(*, subscription: Subscription, wall: datetime) -> Delivery:
    """Queue a message that tells of nothing, to see whether it arrives."""
    return Delivery.objects.create(
        subscription=subscription, opened_at=wall, due_at=wall, state="sending"
    )

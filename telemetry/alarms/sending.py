"""Messages that are due, sent: claimed by a lease first, tried again later and later, never lost.

Whoever dies between sending and noting it lets the message go out once more, under the same id:
a receiver that has seen the id may drop it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import mail
from django.db import transaction

from ops import errors
from telemetry.alarms import messages, notices, webhooks
from telemetry.alarms.models import Delivery, DeliveryState
from telemetry.alarms.models_notices import Channel

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=90)
"""Longer than any attempt takes; after it another worker may try."""
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 3_600.0
GIVEN_UP_AFTER = timedelta(hours=72)
SLICE_S = 20.0
"""So long one beat sends."""


class UnknownDelivery(errors.NotFound):
    code = "unknown_delivery"


class Undelivered(Exception):
    """It did not arrive; the message says why, in a line."""


def send_due(*, wall: Callable[[], datetime]) -> int:
    """Send what is due, one after the other; return how many messages went out."""
    until, sent = time.monotonic() + SLICE_S, 0
    while time.monotonic() < until:
        delivery = _claimed(wall())
        if delivery is None:
            break
        sent += _attempt(delivery, wall)
    return sent


def _claimed(wall: datetime) -> Delivery | None:
    """Take the next message that is due for ourselves; committed before anything is sent."""
    with transaction.atomic():
        row = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state__in=[DeliveryState.COLLECTING, DeliveryState.SENDING], due_at__lte=wall)
            .select_related("subscription")
            .order_by("due_at")
            .first()
        )
        if row is None:
            return None
        free_at = notices.free_at(row.subscription, wall)
        if row.attempts == 0 and free_at > wall:
            row.due_at = free_at
            row.save(update_fields=["due_at"])
            return _claimed(wall)
        row.state = DeliveryState.SENDING
        row.attempts += 1
        row.due_at = wall + LEASE
        row.save(update_fields=["state", "attempts", "due_at"])
    return row


def _attempt(delivery: Delivery, wall: Callable[[], datetime]) -> bool:
    told = messages.told_of(delivery)
    try:
        if delivery.subscription.channel == Channel.WEBHOOK:
            _post(delivery, told, wall())
        else:
            _mail(delivery, told)
    except Undelivered as error:
        _put_off(delivery, str(error), wall())
        return False
    ours = Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts)
    ours.update(state=DeliveryState.SENT, sent_at=wall(), error="")
    return True


def _put_off(delivery: Delivery, error: str, wall: datetime) -> None:
    """Try again later, or give up in sight of everybody."""
    log.warning("message %s, attempt %d: %s", delivery.pk, delivery.attempts, error)
    is_over = wall - delivery.opened_at > GIVEN_UP_AFTER
    Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts).update(
        state=DeliveryState.FAILED if is_over else DeliveryState.SENDING,
        due_at=wall + timedelta(seconds=wait_s(delivery.attempts)),
        error=error[:300],
    )


def wait_s(attempts: int) -> float:
    """Return how long to wait after so many attempts: 5 s, doubled up to an hour."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempts - 1, 20))


def retry(*, delivery_id: UUID, wall: datetime) -> Delivery:
    """Let a message that was given up, or waits long, be tried now."""
    rows = Delivery.objects.filter(pk=delivery_id)
    rows.filter(state=DeliveryState.FAILED).update(
        state=DeliveryState.SENDING, due_at=wall, opened_at=wall
    )
    rows.filter(state=DeliveryState.SENDING, due_at__gt=wall + LEASE).update(due_at=wall)
    row = rows.first()
    if row is None:
        raise UnknownDelivery(f"There is no message {delivery_id}.")
    return row


def _post(delivery: Delivery, told: list, wall: datetime) -> None:
    subscription = delivery.subscription
    try:
        webhooks.post(
            subscription.target,
            messages.body(delivery, told),
            secret=subscription.secret,
            delivery_id=str(delivery.pk),
            attempt=delivery.attempts,
            at=wall,
        )
    except webhooks.Failed as error:
        raise Undelivered(str(error)) from error


def _mail(delivery: Delivery, told: list) -> None:
    if not settings.EMAIL_HOST:
        raise Undelivered("No mail server is set (ZENITH_SMTP_HOST).")
    message = mail.EmailMessage(
        messages.subject(told),
        messages.text(told),
        settings.DEFAULT_FROM_EMAIL,
        [delivery.subscription.target],
        headers={"Message-ID": f"<{delivery.pk}@zenith>", "Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    except OSError as error:  # of sockets, TLS and every answer of SMTP
        raise Undelivered(f"{type(error).__name__}: {error}") from error

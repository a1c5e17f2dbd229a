"""Messages that are due, sent: claimed by a lease first, tried again later and later, never lost.

Whoever dies between sending and noting it lets the message go out once more, under the same id:
a receiver that has seen the id may drop it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import partial
from typing import Any
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
"""So long one beat takes up what is due; what is on its way then is seen to its end."""
AT_ONCE = 16
LOOKS_UP_EVERY_S = 0.5
_sending = threading.Lock()


class UnknownDelivery(errors.NotFound):
    code = "unknown_delivery"


class Undelivered(Exception):
    """It did not arrive; the message says why, in a line."""


def send_due(*, wall: Callable[[], datetime]) -> int:
    """Send what is due, to many subscribers at once; return how many messages went out.

    One that answers slowly, or never, keeps nobody waiting but itself. A process sends in one
    thread of its own at a time, so that its other duties go on beside it.
    """
    if not _sending.acquire(blocking=False):
        return 0
    try:
        return _send_due(wall)
    finally:
        _sending.release()


def _send_due(wall: Callable[[], datetime]) -> int:
    until, sent = time.monotonic() + SLICE_S, 0
    under_way: dict[Future[None], Delivery] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notices") as threads:
        while True:
            while len(under_way) < AT_ONCE and time.monotonic() < until:
                # To one subscriber one after the other, in their order.
                busy = [delivery.subscription_id for delivery in under_way.values()]
                delivery = _claimed(wall(), busy)
                if delivery is None:
                    break
                told = messages.told_of(delivery)
                under_way[threads.submit(_attempt(delivery, told, wall()))] = delivery
            if not under_way:
                return sent
            done, _ = wait(under_way, timeout=LOOKS_UP_EVERY_S, return_when=FIRST_COMPLETED)
            for future in done:
                sent += _note(under_way.pop(future), future, wall())


def _claimed(wall: datetime, busy: Collection[UUID] = ()) -> Delivery | None:
    """Take the next message that is due for ourselves, to none of the subscribers that are `busy`;
    committed before anything is sent."""
    with transaction.atomic():
        row = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(state__in=[DeliveryState.COLLECTING, DeliveryState.SENDING], due_at__lte=wall)
            .exclude(subscription__in=busy)
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
            return _claimed(wall, busy)
        row.state = DeliveryState.SENDING
        row.attempts += 1
        row.due_at = wall + LEASE
        row.save(update_fields=["state", "attempts", "due_at"])
    return row


def _attempt(delivery: Delivery, told: list, wall: datetime) -> Callable[[], None]:
    """Return what sends a message: without a question to the database, for a thread has no part
    in our connection to it."""
    if delivery.subscription.channel == Channel.WEBHOOK:
        return partial(_post, delivery, messages.body(delivery, told), wall)
    return partial(_mail, delivery, messages.subject(told), messages.text(told))


def _note(delivery: Delivery, future: Future[None], wall: datetime) -> bool:
    """Write down what became of a message; return whether it went out."""
    try:
        future.result()
    except Undelivered as error:
        _put_off(delivery, str(error), wall)
        return False
    except Exception:  # its lease runs out, and it is tried again
        log.exception("message %s could not be sent", delivery.pk)
        return False
    ours = Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts)
    ours.update(state=DeliveryState.SENT, sent_at=wall, error="")
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


def _post(delivery: Delivery, body: dict[str, Any], wall: datetime) -> None:
    subscription = delivery.subscription
    try:
        webhooks.post(
            subscription.target,
            body,
            secret=subscription.secret,
            delivery_id=str(delivery.pk),
            attempt=delivery.attempts,
            at=wall,
        )
    except webhooks.Failed as error:
        raise Undelivered(str(error)) from error


def _mail(delivery: Delivery, subject: str, text: str) -> None:
    if not settings.EMAIL_HOST:
        raise Undelivered("No mail server is set (ZENITH_SMTP_HOST).")
    message = mail.EmailMessage(
        subject,
        text,
        settings.DEFAULT_FROM_EMAIL,
        [delivery.subscription.target],
        headers={"Message-ID": f"<{delivery.pk}@zenith>", "Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    except OSError as error:  # of sockets, TLS and every answer of SMTP
        raise Undelivered(f"{type(error).__name__}: {error}") from error

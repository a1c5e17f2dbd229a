"""Transitions put into messages: each to every subscription that asked for it, once.

A message collects what comes within its digest, so that 400 alarms are one message. Quiet hours and
the most messages of an hour only make it later, never less.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from telemetry.alarms import lifecycle
from telemetry.alarms.lifecycle import Event
from telemetry.alarms.models import (
    Delivery,
    DeliveryItem,
    DeliveryState,
    Subscription,
    Transition,
)

AT_ONCE = 5_000
TOLD = (Event.RAISE, Event.WORSEN, Event.RETURN)
"""What a subscription is told that does not say."""
LET_GO = (Event.UNSHELVE, Event.UNSUPPRESS, Event.RESTORE)
HOUR = timedelta(hours=1)
_DAY_MIN = 24 * 60


def distribute(*, wall: datetime) -> int:
    """Hand out what nobody was told of yet; return how many transitions that were.

    Safe to repeat and to run twice at once: what one has taken the other does not see.
    """
    with transaction.atomic():
        rows = (
            Transition.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(is_told=False)
            .order_by("id")
            .select_related("alarm__satellite__profile")[:AT_ONCE]
        )
        untold = list(rows)
        if not untold:
            return 0
        for subscription in Subscription.objects.filter(is_active=True).order_by("id"):
            wanted = [each for each in untold if is_wanted(subscription, each)]
            if wanted:
                _add(subscription, wanted, wall)
        Transition.objects.filter(pk__in=[each.pk for each in untold]).update(is_told=True)
    return len(untold)


def is_wanted(subscription: Subscription, told: Transition) -> bool:
    """Say whether a subscription asked for a transition."""
    alarm, wanted = told.alarm, subscription.events or TOLD
    # Whoever wants to hear what is raised hears what was silenced and calls anew: of what came up
    # meanwhile nobody was told.
    is_anew = told.event in LET_GO and told.after == lifecycle.State.UNACKNOWLEDGED
    is_asked_for = told.event in wanted or (is_anew and Event.RAISE in wanted)
    if not is_asked_for or told.after in lifecycle.INHIBITED:
        return False
    if level_of(told) < subscription.minimum_level:
        return False
    chosen = subscription.filter
    return (
        _passes(chosen, "satellites", alarm.satellite.code)
        and _passes(chosen, "profiles", alarm.satellite.profile.code)
        and _passes(chosen, "roles", alarm.satellite.role)
        and _passes(chosen, "parameters", alarm.parameter)
    )


def level_of(told: Transition) -> int:
    """Return how bad it is or, of what is over, was."""
    return told.level or told.alarm.worst


def _passes(chosen: dict, name: str, value: str) -> bool:
    return not chosen.get(name) or value in chosen[name]


def _add(subscription: Subscription, told: Iterable[Transition], wall: datetime) -> None:
    """Put transitions into the message that collects; one is opened when there is none."""
    told = list(told)
    due_at = due(subscription, wall, level=max(level_of(each) for each in told))
    delivery = _collecting(subscription, wall, due_at)
    if due_at < delivery.due_at:
        delivery.due_at = due_at
        delivery.save(update_fields=["due_at"])
    DeliveryItem.objects.bulk_create(
        [
            DeliveryItem(delivery=delivery, subscription=subscription, transition=each)
            for each in told
        ],
        ignore_conflicts=True,
    )


def _collecting(subscription: Subscription, wall: datetime, due_at: datetime) -> Delivery:
    """Return the message that collects, locked; one that somebody sends meanwhile does no more."""
    while True:
        Delivery.objects.bulk_create(
            [Delivery(subscription=subscription, opened_at=wall, due_at=due_at)],
            ignore_conflicts=True,
        )
        rows = Delivery.objects.select_for_update().filter(
            subscription=subscription, state=DeliveryState.COLLECTING, attempts=0
        )
        if (found := rows.first()) is not None:
            return found


def due(subscription: Subscription, wall: datetime, *, level: int) -> datetime:
    """Return when a message with something of `level` may go that is opened now."""
    at = wall + timedelta(seconds=subscription.digest_s)
    if level < subscription.quiet_except_level:
        at = max(at, _after_quiet(subscription, at))
    return max(at, free_at(subscription, wall))


def _after_quiet(subscription: Subscription, at: datetime) -> datetime:
    """Return the end of the quiet hours that `at` lies in, or `at`."""
    start, end = subscription.quiet_from_min, subscription.quiet_until_min
    if start is None or end is None or start == end:
        return at
    minute = at.hour * 60 + at.minute
    if (minute - start) % _DAY_MIN >= (end - start) % _DAY_MIN:
        return at
    left_min = (end - minute) % _DAY_MIN
    return at.replace(second=0, microsecond=0) + timedelta(minutes=left_min)


def free_at(subscription: Subscription, wall: datetime) -> datetime:
    """Return when the hour's messages leave room for another one."""
    sent = subscription.deliveries.filter(state=DeliveryState.SENT, sent_at__gt=wall - HOUR)
    newest = list(
        sent.order_by("-sent_at").values_list("sent_at", flat=True)[: subscription.hourly_most]
    )
    if len(newest) < subscription.hourly_most:
        return wall
    return newest[-1] + HOUR

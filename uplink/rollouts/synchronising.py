"""A ring that activates at one instant: all load, all are told the instant, and all keep it.

Satellites are out of sight most of the time, so that each keeps the instant by its own clock. It is
chosen late enough that every satellite has a contact to be told in, and after the last of them was
told another one, in which it can be called off again. That is as sure as it gets without talking to
all at once: an instant that comes before the call-off is heard is kept.

The safe window is looked at on the ground when a slot is loaded, and by the satellite itself at the
instant. Who is not in it then does not activate, and says so. READY lets it follow in its next safe
window; of ALL it is a failure, which the ring's error condition judges, as is who was not heard to
keep the instant: what the others did at it cannot be undone but by a rollback.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from constellation.contacts.models import HOLDING, Contact
from ops import clock
from uplink.rollouts import deciding, delivery, events, windows
from uplink.rollouts.models import WENT_WRONG, Kind, Outcome, Ring, Rollout, Synchronise, Target
from uplink.rollouts.seen import Fleet
from uplink.transfers import activation
from uplink.transfers import models as transfers

TOLD_S, TOLD_WALL_S = 30.0, 5.0
"""Of a contact, until a telecommand is up and its report down: on the link, and in processes."""
REPORTED_AFTER = timedelta(seconds=10)
"""What a satellite says so long after the instant shows whether it kept it."""


def is_asked(ring: Ring) -> bool:
    return ring.synchronise != Synchronise.NO


def step(
    rollout: Rollout,
    ring: Ring,
    open_targets: Sequence[Target],
    fleet: Fleet,
    *,
    gently: bool,
    may_act: bool,
    now: datetime,
) -> None:
    """Take a ring's common activation on. Without `may_act` an instant is called off at most."""
    waiting = [one for one in open_targets if one.active_at is None and not one.finished_at]
    if not waiting:
        return
    lost = ring.targets.filter(outcome__in=WENT_WRONG).count() - ring.forgiven
    if ring.synchronise == Synchronise.ALL and lost > 0 and not _is_over(ring, now):
        _call_off(ring, waiting, "one of its ring failed, so that none activates", now=now)
    elif not may_act:
        return
    elif ring.activate_at is None:
        _prepare(rollout, ring, waiting, fleet, gently=gently, now=now)
    elif not _is_over(ring, now):
        _watch(ring, waiting, now=now)
    else:
        _follow_up(rollout, ring, waiting, fleet, gently=gently, now=now)


def _is_over(ring: Ring, now: datetime) -> bool:
    return ring.activate_at is not None and ring.activate_at <= now


def _prepare(
    rollout: Rollout,
    ring: Ring,
    waiting: Sequence[Target],
    fleet: Fleet,
    *,
    gently: bool,
    now: datetime,
) -> None:
    """Load every slot; when all are loaded, choose the instant and tell it."""
    rules = windows.parse(rollout.safe_window)
    for target in waiting:
        transfer = target.transfer
        if transfer is None or transfer.state != transfers.State.VERIFIED:
            continue
        why = delivery.load_when_safe(transfer, rules, fleet, gently=gently, now=now)
        deciding.wait(target, why)
    rows = [delivery.locked(one.transfer_id) for one in waiting if one.transfer_id]
    loaded = [row for row in rows if _is_held(row) and activation.is_loaded(row)]
    missing = len(waiting) - len(loaded)
    if missing:
        for target in waiting:
            if target.transfer is not None and _is_held(target.transfer):
                deciding.wait(target, f"{missing} of its ring to load the version")
        return
    found = _instant([target.satellite_id for target in waiting], now)
    if found is None:
        for target in waiting:
            deciding.wait(target, "contacts of all of its ring to be booked")
        return
    ring.armed_by, ring.activate_at = found
    ring.save(update_fields=["armed_by", "activate_at"])
    is_forced = rollout.kind == Kind.TIMEFORCED and ring.activate_at >= rollout.forced_at
    window = windows.on_board(rules, gently=gently and not is_forced)
    for row in loaded:
        activation.arm(row, ring.activate_at, window, now=now)
    events.tell(rollout, "ring")


def _is_held(transfer: transfers.Transfer) -> bool:
    return transfer.state == transfers.State.ACTIVATING and transfer.waits_for_instant


def _instant(satellite_ids: Sequence[int], now: datetime) -> tuple[datetime, datetime] | None:
    """Return by when all can have been told, and an instant by which all can be told again."""
    spans: dict[int, list[tuple[datetime, datetime]]] = {one: [] for one in satellite_ids}
    rows = Contact.objects.filter(satellite__in=spans, state__in=HOLDING, los_at__gt=now)
    for one, aos_at, los_at in rows.order_by("aos_at").values_list("satellite", "aos_at", "los_at"):
        spans[one].append((aos_at, los_at))
    takes = timedelta(seconds=TOLD_S + TOLD_WALL_S * clock.reading().rate)

    def reached(span: Sequence[tuple[datetime, datetime]], after: datetime) -> datetime | None:
        ends = (max(aos_at, after) + takes for aos_at, los_at in span)
        return next(
            (end for end, (_, los_at) in zip(ends, span, strict=True) if end <= los_at), None
        )

    told = [reached(span, now) for span in spans.values()]
    if None in told:
        return None
    again = [reached(span, max(told)) for span in spans.values()]
    return None if None in again else (max(told), max(again))


def _watch(ring: Ring, waiting: Sequence[Target], *, now: datetime) -> None:
    """Until the instant: whoever has not confirmed in time has it called off for all."""
    rows = [delivery.locked(one.transfer_id) for one in waiting if one.transfer_id]
    silent = [row for row in rows if not activation.is_armed(row)]
    at = f"{ring.activate_at:%Y-%m-%dT%H:%M:%SZ}"
    if not silent or now <= ring.armed_by:
        said = f"the instant {at}"
        for target in waiting:
            mine = any(row.pk == target.transfer_id for row in silent)
            deciding.wait(target, f"its next contact, to be told {said}" if mine else said)
        return
    codes = ", ".join(sorted(row.satellite.code for row in silent)[:5])
    _call_off(ring, waiting, f"{codes} did not confirm {at}; another instant is chosen", now=now)


def _call_off(ring: Ring, waiting: Sequence[Target], why: str, *, now: datetime) -> None:
    """Call the instant off; when nobody keeps it any more, another may be chosen."""
    left = 0
    for target in waiting:
        if target.transfer_id is not None:
            row = delivery.locked(target.transfer_id)
            if _is_held(row) and not activation.stand_down(row, why[:300], now=now):
                left += 1
        deciding.wait(target, why)
    if not left and ring.activate_at is not None:
        ring.activate_at = ring.armed_by = None
        ring.save(update_fields=["armed_by", "activate_at"])


def _follow_up(
    rollout: Rollout,
    ring: Ring,
    waiting: Sequence[Target],
    fleet: Fleet,
    *,
    gently: bool,
    now: datetime,
) -> None:
    """After the instant: who kept it says so at its next contact. Who did not has failed where all
    were to, and follows in its next safe window where those that are ready were."""
    rules, at = windows.parse(rollout.safe_window), ring.activate_at
    for target in waiting:
        if target.transfer_id is None:
            continue
        row = delivery.locked(target.transfer_id)
        if _is_held(row) and fleet.reported_since(target.satellite_id, at + REPORTED_AFTER):
            activation.stand_down(row, "the instant passed it by", now=now)
        why = activation.missed(row, at)
        if why and ring.synchronise == Synchronise.ALL:
            code = "MISSED_THE_INSTANT"
            deciding.finish(target, Outcome.FAILED, now=now, code=code, reason=why)
        elif row.state == transfers.State.VERIFIED or not row.waits_for_instant:
            why = delivery.activate_when_safe(row, rules, fleet, gently=gently, now=now)
            deciding.wait(target, why)
        else:
            deciding.wait(target, "its next contact, to say that it kept the instant")

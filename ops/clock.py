"""What time it is: real, or simulated with an epoch and a rate that every process agrees on.

Mission time rules orbits, contacts, deadlines and protocol timers. Wall time (the database's
`now()`) rules leases, sessions, keys and retries. Only doors read either of them.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import transaction

from ops import errors
from ops.clock_reading import Clock
from ops.models import ClockRow

_FRESH_FOR_S = 0.2
_RATE_MIN, _RATE_MAX = 0.001, 10_000.0
"""Slower than that, and a pass of today is at its end in centuries, which no calendar holds."""
JUMP_MOST = timedelta(days=366)
"""Mission time never goes back, so that a wrong digit of a year could never be mended."""
_cached: tuple[float, Clock] | None = None
_to_tell: list[Callable[[Clock], None]] = []


class ClockRefused(errors.Conflict):
    code = "clock"


def wall() -> datetime:
    """Return the wall time of this machine."""
    return datetime.now(UTC)


def now() -> datetime:
    """Return mission time."""
    return reading().at(wall())


def reading() -> Clock:
    """Return the clock's row, read again when the last look is older than 0.2 s."""
    global _cached
    if _cached is not None and time.monotonic() - _cached[0] < _FRESH_FOR_S:
        return _cached[1]
    row = ClockRow.objects.filter(pk=1).first()
    clock = _reading_of(row) if row else _real_time()
    _cached = (time.monotonic(), clock)
    return clock


def start(*, epoch: datetime | None, rate: float = 1.0) -> Clock:
    """Set the clock up if it was never set up, and return its reading.

    `epoch` None is real time. A clock that already runs goes on from its row: mission time never
    goes back, so that what was done under it stays in its past.
    """
    at = wall()
    defaults = {
        "simulated": epoch is not None,
        "wall_anchor": at,
        "mission_anchor": epoch or at,
        "rate": _checked_rate(rate) if epoch is not None else 1.0,
        "resume_rate": rate or 1.0,
    }
    ClockRow.objects.get_or_create(pk=1, defaults=defaults)
    forget()
    return reading()


def take_up(*, seen_at: datetime) -> Clock:
    """Let a simulated clock go on from where a stopped system left it, at `seen_at` in wall time.

    Without this, the night in which the system was down would have passed in orbit too.
    """
    with transaction.atomic():
        row = _locked_row()
        clock = _reading_of(row)
        if clock.simulated and clock.rate and seen_at < wall():
            left_at = clock.at(max(seen_at, clock.wall_anchor))
            row.wall_anchor, row.mission_anchor = wall(), left_at
            row.generation += 1
            row.save()
    forget()
    return reading()


def set_rate(rate: float) -> Clock:
    """Let mission time run at `rate` simulated seconds a second from now on."""
    return _move(rate=_checked_rate(rate))


def pause() -> Clock:
    """Stop mission time."""
    return _move(rate=0.0)


def resume() -> Clock:
    """Let mission time go on at the rate it had before it was paused."""
    with transaction.atomic():
        return _move(rate=_locked_row().resume_rate)


def jump_to(instant: datetime) -> Clock:
    """Move mission time forward to `instant`; going back is refused, and so is over a year."""
    return _move(mission=instant)


def jump_by(span: timedelta) -> Clock:
    """Move mission time forward by `span`."""
    return jump_to(now() + span)


def tell_changes_to(listener: Callable[[Clock], None]) -> None:
    """Call `listener` with the new reading after each change committed in this process."""
    _to_tell.append(listener)


def forget() -> None:
    """Drop what this process remembers, so that the next reading comes from the database."""
    global _cached
    _cached = None


def _move(*, mission: datetime | None = None, rate: float | None = None) -> Clock:
    from ops.live import events

    with transaction.atomic():
        row = _locked_row()
        if not row.simulated:
            raise ClockRefused("The clock runs in real time and cannot be changed.")
        if mission is not None and mission - _reading_of(row).at(wall()) > JUMP_MOST:
            raise ClockRefused(
                f"The clock was not changed: {mission:%Y-%m-%dT%H:%M:%SZ} is more than "
                f"{JUMP_MOST.days} days ahead, and mission time never goes back."
            )
        try:
            moved = _reading_of(row).moved(wall(), mission=mission, rate=rate)
        except ValueError as error:
            raise ClockRefused(f"The clock was not changed: {error}.") from error
        row.wall_anchor, row.mission_anchor = moved.wall_anchor, moved.mission_anchor
        row.rate, row.generation = moved.rate, moved.generation
        if moved.rate:
            row.resume_rate = moved.rate
        row.save()
        events.publish("clock", "changed", as_json(moved))
        for listener in _to_tell:
            transaction.on_commit(partial(listener, moved), robust=True)
    forget()
    return reading()


def as_json(clock: Clock) -> dict[str, object]:
    """Return a reading as the console and the simulator are told it (seconds since 1970)."""
    return {
        "simulated": clock.simulated,
        "wall_anchor": clock.wall_anchor.timestamp(),
        "mission_anchor": clock.mission_anchor.timestamp(),
        "rate": clock.rate,
        "generation": clock.generation,
    }


def _checked_rate(rate: float) -> float:
    if rate != 0 and not _RATE_MIN <= rate <= _RATE_MAX:
        right = f"0, or {_RATE_MIN:g} to {_RATE_MAX:g}"
        raise ClockRefused(f"A rate is {right}, and not {rate:g}.")
    return rate


def _locked_row() -> ClockRow:
    row = ClockRow.objects.select_for_update().filter(pk=1).first()
    if row is None:
        raise ClockRefused("The clock was never set up; `manage.py up` does that.")
    return row


def _reading_of(row: ClockRow) -> Clock:
    return Clock(row.simulated, row.wall_anchor, row.mission_anchor, row.rate, row.generation)


def _real_time() -> Clock:
    at = wall()
    return Clock(simulated=False, wall_anchor=at, mission_anchor=at, rate=1.0, generation=0)

"""Which satellite can answer first: the earliest meeting plus the work that waits on board.

One hop only: a satellite is reached when it has a contact. Paths over laser links widen this
module, not its callers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Meeting:
    """A booked span in which one satellite can be talked to, half-open [aos_at, los_at)."""

    contact_id: object
    satellite_id: int
    aos_at: datetime
    los_at: datetime


@dataclass(frozen=True, slots=True)
class Route:
    """The chosen meeting, when the question goes up and when its turn on board comes."""

    meeting: Meeting
    uplink_at: datetime
    start_at: datetime


def earliest(
    meetings: Iterable[Meeting],
    *,
    now: datetime,
    waiting: dict[int, int],
    answer_s: float,
    margin_s: float,
) -> Route | None:
    """Return the route on which a question asked at `now` is worked on first, or None.

    Parameters
    ----------
    waiting : questions already on board or on their way, by satellite
    answer_s : what one question takes on board, in seconds
    margin_s : a meeting that ends sooner than this after `now` is no use any more

    The order is total (start, then uplink, then the longer meeting), so that two callers who see
    the same plan choose the same satellite.
    """
    routes = []
    for meeting in meetings:
        uplink_at = max(now, meeting.aos_at)
        if meeting.los_at - uplink_at < timedelta(seconds=margin_s):
            continue
        turn_s = waiting.get(meeting.satellite_id, 0) * answer_s
        routes.append(Route(meeting, uplink_at, uplink_at + timedelta(seconds=turn_s)))
    return min(routes, key=_order, default=None)


def _order(route: Route) -> tuple[datetime, datetime, float, int]:
    longest_first = -route.meeting.los_at.timestamp()
    return (route.start_at, route.uplink_at, longest_first, route.meeting.satellite_id)

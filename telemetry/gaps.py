"""Gaps: serials that did not come down, what closes them, and what the recorder may forget.

Every downlink packet of a volume has a serial, so that what is missing is known exactly. A gap is
a row; playback closes it, or the recorder says that it does not hold those packets any more. The
volume's row is locked by whoever changes its gaps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import NumericRange
from django.db.models import BigIntegerField, F, Q, QuerySet, Sum

from telemetry import gapmath
from telemetry.models import Gap, GapState, Packet, Volume

SETTLING = timedelta(seconds=3)
"""Channels of different priority overtake one another: a gap this young may close by itself."""
ASKING_AGAIN = timedelta(seconds=20)
"""Mission time after which playback is asked for once more."""
_NOT_HELD = "the recorder does not hold it"
_FORMATTED = "the recorder was formatted"


def lock(satellite_id: int, volumes: Iterable[int]) -> dict[int, Volume]:
    """Return the rows of the given volumes, locked, made where they are new."""
    wanted = sorted(set(volumes))
    rows = {row.volume: row for row in _locked(satellite_id, wanted)}
    missing = [volume for volume in wanted if volume not in rows]
    if missing:
        Volume.objects.bulk_create(
            [Volume(satellite_id=satellite_id, volume=volume) for volume in missing],
            ignore_conflicts=True,
        )
        rows = {row.volume: row for row in _locked(satellite_id, wanted)}
    return rows


def _locked(satellite_id: int, volumes: list[int]) -> Iterable[Volume]:
    rows = Volume.objects.filter(satellite_id=satellite_id, volume__in=volumes)
    return rows.order_by("volume").select_for_update()


def note_arrival(
    volume: Volume, serials: Iterable[int], *, now: datetime, contact_id: UUID | None = None
) -> None:
    """Open and close gaps for the serials of new packets. `volume` is locked and is saved.

    `contact_id` names the contact that showed the gaps. A recorder counts from 0, so that all
    before the first serial is missing; the counts of foreign packets begin with the first heard.
    """
    arrived = gapmath.runs(serials)
    if not arrived:
        return
    if volume.volume < 0:
        _begin(volume, arrived, contact_id, now=now)
    late = [span for span in arrived if span[0] < volume.following]
    if late:
        _fill(volume, late, GapState.CLOSED, "", now=now)
    _extend(volume, gapmath.arrive(volume.following, arrived), contact_id, now=now)


def _begin(
    volume: Volume, arrived: list[gapmath.Span], contact_id: UUID | None, *, now: datetime
) -> None:
    """Let what is known of foreign packets begin with the first that are held."""
    first = arrived[0][0]
    if volume.beginning == volume.following:
        volume.beginning = volume.following = first
    elif first < volume.beginning:
        missing = gapmath.subtract((first, volume.beginning), arrived)
        _open(volume, missing, contact_id, now=now)
        volume.beginning = first
    else:
        return
    volume.save(update_fields=["beginning", "following"])


def note_status(
    volume: Volume,
    *,
    oldest: int,
    following: int,
    missing: list[tuple[int, int]],
    told_ns: int,
    now: datetime,
    contact_id: UUID | None = None,
) -> None:
    """Take in what the recorder says of itself: how far it is, and what it does not hold.

    `missing` holds pairs (first, last), both included. `volume` is locked and is saved. A status
    older than one already heard (it may come by playback) still tells what is gone.
    """
    known = gapmath.arrive(volume.following, [(following, following)])
    _extend(volume, known, contact_id, now=now)
    gone = gapmath.runs([]) if oldest == 0 else [(0, oldest)]
    gone += sorted((first, last + 1) for first, last in missing if last >= oldest)
    if gone:
        _fill(volume, gone, GapState.LOST, _NOT_HELD, now=now)
    if told_ns <= volume.status_ns:
        return
    volume.oldest, volume.status_ns = max(volume.oldest, oldest), told_ns
    volume.save(update_fields=["oldest", "status_ns"])
    _close_formatted(volume, now=now)


def _close_formatted(volume: Volume, *, now: datetime) -> None:
    """Give up the gaps of volumes that this one, more recently heard of, has taken the place of."""
    others = _recorded(volume.satellite_id).filter(status_ns__lt=volume.status_ns)
    for other in others.exclude(volume=volume.volume):
        note_formatted(volume.satellite_id, other.volume, now=now)


def note_formatted(satellite_id: int, volume: int, *, now: datetime) -> None:
    """Give up all that is missing of a volume that is on board no more."""
    gaps = Gap.objects.filter(satellite_id=satellite_id, volume=volume, state=GapState.OPEN)
    gaps.update(state=GapState.LOST, reason=_FORMATTED, closed_at=now)


def _extend(
    volume: Volume, arrival: gapmath.Arrival, contact_id: UUID | None, *, now: datetime
) -> None:
    _open(volume, arrival.opened, contact_id, now=now)
    if arrival.following != volume.following:
        volume.following = arrival.following
        volume.save(update_fields=["following"])


def _open(
    volume: Volume, spans: list[gapmath.Span], contact_id: UUID | None, *, now: datetime
) -> None:
    if spans:
        Gap.objects.bulk_create(
            [
                Gap(
                    satellite_id=volume.satellite_id,
                    volume=volume.volume,
                    contact_id=contact_id,
                    serials=NumericRange(first, end),
                    opened_at=now,
                )
                for first, end in spans
            ]
        )


def _fill(
    volume: Volume, spans: list[gapmath.Span], state: str, reason: str, *, now: datetime
) -> None:
    """Move the parts of gaps that lie in `spans` (in order) to `state`; what is left stays open.

    Serials already held stand in no gap and are not touched. A gap that is gone is gone unless its
    packets come after all.
    """
    hull = NumericRange(spans[0][0], spans[-1][1])
    states = [GapState.OPEN, GapState.LOST] if state == GapState.CLOSED else [GapState.OPEN]
    touched = Gap.objects.filter(
        satellite_id=volume.satellite_id,
        volume=volume.volume,
        state__in=states,
        serials__overlap=hull,
    )
    for gap in touched:
        span = (gap.serials.lower, gap.serials.upper)
        parts = gapmath.overlap(span, spans)
        if not parts:
            continue
        rest = gapmath.subtract(span, spans)
        # Overtaken, not lost: such a gap leaves no trace.
        is_settled = gap.asked_at is not None or now - gap.opened_at >= SETTLING
        if state == GapState.CLOSED and is_settled:
            parts = _extend_closed(gap, parts, now=now)
        if state == GapState.LOST or is_settled:
            _write(gap, parts, state, reason, closed_at=now)
        if gap.asked_at is not None and state == GapState.CLOSED:
            gap.asked_at = now  # playback is under way: it is not asked for again yet
        _write(gap, rest, gap.state, gap.reason, closed_at=gap.closed_at)
        gap.delete()


def _extend_closed(gap: Gap, parts: list[gapmath.Span], *, now: datetime) -> list[gapmath.Span]:
    """Let the row that playback closed up to the first part grow over it; return the other parts.

    Playback fills a gap from its beginning, batch by batch: that is one gap closed, not many.
    """
    first, end = parts[0]
    before = Gap.objects.filter(
        satellite_id=gap.satellite_id,
        volume=gap.volume,
        state=GapState.CLOSED,
        opened_at=gap.opened_at,
        serials__endswith=first,
    ).first()
    if before is None:
        return parts
    before.serials, before.closed_at = NumericRange(before.serials.lower, end), now
    before.save(update_fields=["serials", "closed_at"])
    return parts[1:]


def _write(
    gap: Gap, spans: list[gapmath.Span], state: str, reason: str, *, closed_at: datetime | None
) -> None:
    Gap.objects.bulk_create(
        [
            Gap(
                satellite_id=gap.satellite_id,
                volume=gap.volume,
                contact_id=gap.contact_id,
                serials=NumericRange(first, end),
                state=state,
                reason=reason,
                opened_at=gap.opened_at,
                closed_at=closed_at,
                asked_at=gap.asked_at,
            )
            for first, end in spans
        ]
    )


# --- What the conductor asks for ------------------------------------------------------------


@transaction.atomic
def requests_for(
    satellite_id: int, limit: int = 100, *, now: datetime
) -> list[tuple[int, int, int]]:
    """Return (volume, first, last) of gaps to ask playback for now, oldest serials first.

    `first` and `last` are both included; all are of the newest volume. What is returned counts as
    asked for and is not returned again for ASKING_AGAIN.
    """
    volume = newest_volume(satellite_id)
    if volume is None:
        return []
    due = Q(asked_at=None) | Q(asked_at__lte=now - ASKING_AGAIN) | Q(asked_at__gt=now)
    gaps = list(
        Gap.objects.filter(
            due,
            satellite_id=satellite_id,
            volume=volume.volume,
            state=GapState.OPEN,
            opened_at__lte=now - SETTLING,
        )
        .order_by("serials__startswith")
        .select_for_update(skip_locked=True)[:limit]
    )
    Gap.objects.filter(pk__in=[gap.pk for gap in gaps]).update(asked_at=now)
    return [(gap.volume, gap.serials.lower, gap.serials.upper - 1) for gap in gaps]


def wanting(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites whose recorders have gaps to close."""
    rows = Gap.objects.filter(satellite_id__in=satellite_ids, volume__gte=0, state=GapState.OPEN)
    return set(rows.order_by().values_list("satellite_id", flat=True).distinct())


def releasable(satellite_id: int) -> tuple[int, int] | None:
    """Return (volume, serial): everything below the serial is held here or explained, and the
    recorder has not yet said that it forgot it. None when there is nothing to release."""
    volume = newest_volume(satellite_id)
    if volume is None:
        return None
    first_open = (
        Gap.objects.filter(satellite_id=satellite_id, volume=volume.volume, state=GapState.OPEN)
        .order_by("serials__startswith")
        .values_list("serials__startswith", flat=True)
        .first()
    )
    upto = volume.following if first_open is None else first_open
    return (volume.volume, upto) if upto > volume.oldest else None


def newest_volume(satellite_id: int) -> Volume | None:
    """Return the volume that the recorder spoke of last, else the one last seen."""
    return _recorded(satellite_id).order_by(F("status_ns").desc(), F("id").desc()).first()


def _recorded(satellite_id: int) -> QuerySet[Volume]:
    """Return the volumes of the satellite's recorder: without those of foreign packets."""
    return Volume.objects.filter(satellite_id=satellite_id, volume__gte=0)


# --- Completeness ---------------------------------------------------------------------------


def completeness(satellite_id: int) -> list[dict[str, int]]:
    """Return for each volume, newest first, how many serials are known, held, missing and lost."""
    found = []
    for volume in _recorded(satellite_id).order_by("-status_ns", "-id"):
        counts = _serials_by_state(satellite_id, volume.volume)
        held = Packet.objects.filter(satellite_id=satellite_id, volume=volume.volume).count()
        found.append(
            {
                "volume": volume.volume,
                "following": volume.following,
                "oldest_on_board": volume.oldest,
                "held": held,
                "missing": counts.get(GapState.OPEN, 0),
                "lost": counts.get(GapState.LOST, 0),
                "recovered": counts.get(GapState.CLOSED, 0),
            }
        )
    return found


def _serials_by_state(satellite_id: int, volume: int) -> dict[str, int]:
    size = F("serials__endswith") - F("serials__startswith")
    rows = Gap.objects.filter(satellite_id=satellite_id, volume=volume)
    summed = (
        rows.order_by().values("state").annotate(size=Sum(size, output_field=BigIntegerField()))
    )
    return {row["state"]: int(row["size"]) for row in summed}

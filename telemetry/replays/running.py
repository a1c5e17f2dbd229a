"""Replays moved on: a bounded step is one transaction, so that a kill undoes one step alone.

Packets that come down while a replay runs, or after it, and were generated in its span: the decoder
asks `follow` to take those whose place the cursor has passed already. Decoder and step both lock
the part, so that each packet is taken once by the one or the other.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from telemetry import definitions
from telemetry.archive import columns, writing
from telemetry.models import Packet, Rollup, Segment, Volume
from telemetry.models_replays import ReplayPart, ReplayState
from telemetry.packets import handlers
from telemetry.replays import asking

log = logging.getLogger(__name__)
STEP_PACKETS = 4_000
_ERASED_AT_ONCE = 500
_LIVING = (ReplayState.RUNNING, ReplayState.COMPLETE)


class Taken(NamedTuple):
    """A stored packet as a replay takes it, named by its place in the order of the cursor."""

    apid: int
    generated_ns: int
    id: int
    received_ns: int
    data: bytes

    @property
    def place(self) -> tuple[int, int, int]:
        return self.apid, self.generated_ns, self.id


def unfinished() -> list[int]:
    """Return the parts of running replays that have something left to do."""
    rows = ReplayPart.objects.filter(replay__state=ReplayState.RUNNING, done=False)
    return list(rows.order_by("replay__asked_at", "pk").values_list("pk", flat=True))


@transaction.atomic
def step(part_id: int) -> bool:
    """Take a part's next packets, unless another worker is at it; say whether there may be more."""
    rows = ReplayPart.objects.select_for_update(skip_locked=True, of=("self",))
    part = rows.select_related("replay").filter(pk=part_id, done=False).first()
    if part is None or part.replay.state != ReplayState.RUNNING:
        return False
    if not part.begun:
        # Batches decoded just now do not know of the replay yet: wait until they are committed.
        list(Volume.objects.filter(satellite=part.satellite_id).select_for_update())
        part.begun, part.at_ns = True, part.replay.first_ns
        part.save(update_fields=["begun", "at_ns"])
        return True
    taken = _next(part)
    if taken:
        # Batches count upwards from 1: a packet's number turned negative is nobody else's.
        _write(part, taken, batch_id=-taken[0].id)
    if len(taken) == STEP_PACKETS:
        part.apid, part.at_ns, part.packet = taken[-1].place
    else:
        _next_apid(part)
    part.save()
    return not part.done


def _next(part: ReplayPart) -> list[Taken]:
    rows = Packet.objects.filter(
        satellite=part.satellite_id,
        apid=part.apid,
        generated_ns__gte=part.at_ns,
        generated_ns__lt=part.replay.end_ns,
    ).exclude(generated_ns=part.at_ns, id__lte=part.packet)
    found = rows.order_by("generated_ns", "id")[:STEP_PACKETS]
    fields = ("apid", "generated_ns", "id", "received_ns", "data")
    return [Taken(*row[:4], bytes(row[4])) for row in found.values_list(*fields)]


def _next_apid(part: ReplayPart) -> None:
    """Move the cursor to the next APID of which anything is stored; without one all is done."""
    rows = Packet.objects.filter(satellite=part.satellite_id, apid__gt=part.apid)
    following = rows.order_by("apid").values_list("apid", flat=True).first()
    if following is None:
        part.done = True
    else:
        part.apid, part.at_ns, part.packet = following, part.replay.first_ns, 0


def follow(satellite_id: int, batch_id: int, packets: Sequence[handlers.StoredPacket]) -> None:
    """Take new packets into the replays that have passed their places already; call inside the
    batch's transaction, after the satellite's volumes are locked."""
    if not packets:
        return
    first = min(packet.generated_ns for packet in packets)
    last = max(packet.generated_ns for packet in packets)
    parts = (
        ReplayPart.objects.filter(
            satellite=satellite_id,
            begun=True,
            swept=False,
            replay__state__in=_LIVING,
            replay__first_ns__lte=last,
            replay__end_ns__gt=first,
        )
        .select_related("replay")
        .order_by("generation")
        .select_for_update(of=("self",))
    )
    for part in parts:
        cursor = (part.apid, part.at_ns, part.packet)
        taken = [
            one
            for one in map(_taken, packets)
            if part.replay.first_ns <= one.generated_ns < part.replay.end_ns
            and (part.done or one.place <= cursor)
        ]
        if taken:
            _write(part, taken, batch_id=batch_id)
            part.cleared = False  # of what is settled, the decoder's own samples go as well
            part.save()


def _taken(packet: handlers.StoredPacket) -> Taken:
    return Taken(packet.apid, packet.generated_ns, packet.id, packet.received_ns, packet.data)


def _write(part: ReplayPart, taken: list[Taken], *, batch_id: int) -> None:
    """Write what packets say by the replay's definition into its generation."""
    part.packets += len(taken)
    tables, unread = _tables(part.replay.definition, taken)
    part.unread += unread
    part.samples += sum(len(samples) for samples in tables.values())
    writing.keep(part.satellite_id, batch_id, tables, generation=part.generation)


def _tables(
    definition_id: UUID | None, taken: list[Taken]
) -> tuple[dict[str, columns.Samples], int]:
    """Return samples by group, and how many packets are described but cannot be understood."""
    edition = definitions.load(definition_id)
    described = [one for one in taken if edition.describes(one.apid)]
    if not described:
        return {}, 0
    decoded = edition.xtce.decode([one.data for one in described])
    generated = [one.generated_ns for one in described]
    received = [one.received_ns for one in described]
    tables = {
        table.group: writing.samples_of(
            edition.xtce, table, generated, received, edition.header_parameters
        )
        for table in decoded
    }
    nobodys = 0 if edition.apids is not None else len(decoded.undescribed)
    read = {group: samples for group, samples in tables.items() if samples.columns}
    return read, len(decoded.refused) - nobodys


# --- What is not read any more --------------------------------------------------------------


def sweep() -> int:
    """Erase generations of replays that are not read and never will be; return how many rows."""
    dead = Q(replay__state__in=[s for s in ReplayState.values if s not in _LIVING])
    erased = 0
    for part_id in ReplayPart.objects.filter(dead, swept=False).values_list("pk", flat=True)[:20]:
        erased += _erase(part_id)
    return erased


@transaction.atomic
def _erase(part_id: int) -> int:
    part = ReplayPart.objects.select_for_update(skip_locked=True).filter(pk=part_id).first()
    if part is None or part.swept:
        return 0
    count = 0
    for model in (Segment, Rollup):
        rows = model.objects.filter(satellite=part.satellite_id, generation=part.generation)
        some = list(rows.values_list("pk", flat=True)[:_ERASED_AT_ONCE])
        count += model.objects.filter(pk__in=some).delete()[0]
    if not count:
        part.swept = True
        part.save(update_fields=["swept"])
    return count


# --- Progress -------------------------------------------------------------------------------


def progress(part: ReplayPart, total: int) -> float:
    """Return how much of a part is done, 0 to 1, of about `total` packets."""
    if part.done:
        return 1.0
    return min(0.99, part.packets / total) if total else 0.0


def packets_in_span(parts: Sequence[ReplayPart]) -> dict[int, int]:
    """Return for each satellite about how many packets its part has to take."""
    found = {}
    for part in parts:
        rows = Packet.objects.filter(
            satellite=part.satellite_id,
            generated_ns__gte=part.replay.first_ns,
            generated_ns__lt=part.replay.end_ns,
        )
        found[part.satellite_id] = part.packets if part.done else rows.count()
    return found


def run(part_id: int, *, now: datetime) -> bool:
    """Take one step, and let readers have the replay when that was the last; say whether there
    may be more to do. An error that is not the database's ends the replay with the reason."""
    replay_id = ReplayPart.objects.values_list("replay", flat=True).get(pk=part_id)
    try:
        if step(part_id):
            return True
    except (OperationalError, InterfaceError):
        raise  # the database is away: another time
    except Exception as error:
        log.exception("replay %s cannot go on", replay_id)
        asking.fail(replay_id, f"{type(error).__name__}: {error}", now=now)
        return False
    asking.complete_if_done(replay_id, now=now)
    return False

"""The files of one satellite during one contact: CFDP senders between a conductor and the database.

How a conductor uses it (its event loop is `loop`, DB calls run in threads):

    uplinker = Uplinker(contact_id=…, fencing=…, satellite_id=…, entity_id=…, rate=clock.rate)
    # once at AOS, then about once a wall second, and once more after LOS with `last=True`:
    snapshot = uplinker.snapshot(queued=…)                        # loop, no DB
    work = flying.checkpoint(snapshot, now=mission_now, last=…)   # thread; LeaseLost: stop flying
    uplinker.take(work, now_s)                                    # loop
    # as often as the link has room:
    packets = uplinker.pull(count, now_s)     # loop: up to `count` space packets, one a frame
    # for each packet with APID CFDP_DOWN that came live:
    uplinker.receive(payload, now_s)          # loop: `payload` follows both headers
    uplinker.tick(now_s)                      # loop: a few times a second
    # when a link ends, with the number of file packets handed over and not radiated:
    uplinker.take_back(count)                 # loop: they never left
    uplinker.ask_again(now_s, bit_per_s)      # loop: on every link, before a packet is pulled
    uplinker.freeze(now_s)                    # loop: at LOS, before the last snapshot
    uplinker.close()                          # loop: closes files

`now_s` is mission time in seconds since 1970. Nothing is lost when any of it never happens: the
next contact asks the satellite what it holds before it sends a byte of an old transaction.
`uplinker.counters` is for the contact's report.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from telemetry import onboard
from telemetry.packets import space
from uplink.transfers import cfdp
from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.pacing import Pace

log = logging.getLogger(__name__)
HANDED_MOST = 4_096
"""Packets of which it is known what they carried: more than any station's window."""
REPAIR_S = 1.0
"""Wall time: longer than a queue at the station and the way there and back."""
REPAIR_MOST_S = 5.0
"""Mission time: a satellite asks again every 2 s and gives up after ten times."""
PROMPT_S = 5.0
"""Wall time: a file that is on its way asks so often what of it has arrived, when nothing tells."""
_BY_WISH = cfdp.Condition.SUSPEND_REQUEST_RECEIVED
AGAIN_AFTER_S = 5.0
"""A transaction that a fault suspended asks again after this, as long as the contact lasts."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One file to send: where its bytes are, and the sender's state when it is not new."""

    shipment_id: int
    transaction: cfdp.TransactionId
    name: str
    size_bytes: int
    crc32c: int
    state: dict[str, Any] | None
    path: str = ""
    offset_bytes: int = 0
    content: bytes | None = None
    """The bytes themselves (a manifest), instead of a place in the file at `path`."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a checkpoint tells: files to begin, those to give up, and those to put aside."""

    assignments: tuple[Assignment, ...] = ()
    cancelled: frozenset[int] = frozenset()
    suspended: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Progress:
    """One sender at one moment, for the database."""

    shipment_id: int
    sequence: int
    engine: dict[str, Any]
    sent_bytes: int
    acknowledged_bytes: int
    state: cfdp.SenderState
    fault: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a conductor brings to `flying.checkpoint`."""

    contact_id: UUID
    fencing: int
    satellite_id: int
    held: frozenset[int]
    changed: tuple[Progress, ...]
    left: int = 0
    """How many of those that are held have left entirely, and wait."""


@dataclass(slots=True)
class Counters:
    """File traffic of this contact, as counted here."""

    packets: int = 0
    file_bytes: int = 0
    files_finished: int = 0
    answers: int = 0


@dataclass(slots=True)
class _Flight:
    assignment: Assignment
    sender: cfdp.Sender
    file: int | None
    saved: tuple[Any, ...] = ()
    again_s: float | None = None
    counted_bytes: int = 0
    is_put_aside: bool = False
    """Suspended by an operator: it leaves once what was pulled of it has been radiated."""


@dataclass(slots=True)
class Uplinker:
    """See the module. Not safe for threads: everything but `flying` runs in the loop."""

    contact_id: UUID
    fencing: int
    satellite_id: int
    entity_id: int
    rate: float = 1.0
    segment_bytes: int = onboard.FILE_SEGMENT_BYTES
    counters: Counters = field(default_factory=Counters)
    _flights: dict[int, _Flight] = field(default_factory=dict)
    _answers: deque[bytes] = field(default_factory=deque)
    _handed: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=HANDED_MOST))
    _pace: Pace = field(init=False)
    _frozen: bool = False
    _sequence_count: int = 0

    def __post_init__(self) -> None:
        self._pace = Pace(prompt_s=PROMPT_S * max(self.rate, 1.0))

    # --- the link ---

    def pull(self, count: int, now_s: float) -> list[bytes]:
        """Return up to `count` space packets to radiate, oldest transaction first."""
        if self._frozen:
            return []
        batch: list[bytes] = []
        while self._answers and len(batch) < count:
            batch.append(self._answers.popleft())
        self._handed += [(0, 0)] * len(batch)
        answers = len(batch)
        count = answers + self._pace.allowance(count - answers, now_s)
        for number, flight in self._flights.items():
            if len(batch) >= count:
                break
            left = flight.sender.next_pdus(count - len(batch), now_s)
            self._handed += [(number, pdus.file_bytes_of(pdu)) for pdu in left]
            batch += left
        self._pace.spend(len(batch) - answers, now_s)
        self.counters.packets += len(batch)
        return [self._packet(pdu) for pdu in batch]

    def _packet(self, pdu: bytes) -> bytes:
        count, self._sequence_count = self._sequence_count, (self._sequence_count + 1) & 0x3FFF
        return space.encode(onboard.Apid.CFDP_UP, count, pdu, is_command=True)

    def take_back(self, packets: int) -> None:
        """Take the last `packets` that were pulled off the account: they were never radiated."""
        for number, file_bytes in self._queued_bytes(packets).items():
            if number in self._flights:
                self._flights[number].sender.take_back(file_bytes)
        self._handed.clear()

    def _queued_bytes(self, packets: int) -> Counter[int]:
        """Return how many file bytes of each transaction the last `packets` carry."""
        found: Counter[int] = Counter()
        for number, file_bytes in islice(reversed(self._handed), packets):
            found[number] += file_bytes
        return found

    def ask_again(self, now_s: float, uplink_bit_per_s: float) -> None:
        """Go on over a new link: every file asks what has arrived before a byte of it leaves."""
        self._pace.open(uplink_bit_per_s, now_s)
        for flight in self._flights.values():
            if flight.is_put_aside:
                continue
            flight.again_s = None
            flight.sender.resume(now_s)
            if self._frozen:
                flight.sender.freeze(now_s)

    def receive(self, pdu: bytes, now_s: float) -> None:
        """Take one CFDP PDU from the satellite; what cannot be read is left out."""
        try:
            head, directive = pdus.decode(pdu)
            flight = self._flights.get(head.transaction.number)
            if flight is not None and flight.sender.transaction == head.transaction:
                sender = flight.sender
                arrived_bytes, lost_bytes = sender.acked.total, sender.lost_bytes
                sender.receive(pdu, now_s)
                arrived_bytes = max(0, sender.acked.total - arrived_bytes)
                self._pace.heard(arrived_bytes, sender.lost_bytes - lost_bytes)
                flight.again_s = None
            elif isinstance(directive, pdus.Finished):
                # Of a transaction that is over here: without this ACK it would ask for ever.
                self.counters.answers += 1
                self._answers.append(
                    cfdp.acknowledge_finished(
                        head.transaction, directive, large=head.large, form=head.form
                    )
                )
        except cfdp.Malformed as error:
            log.warning("a CFDP PDU of entity %d was left out: %s", self.entity_id, error)

    def tick(self, now_s: float) -> None:
        """Let timers run out, and ask again for what a fault suspended."""
        if self._frozen:
            return
        for flight in self._flights.values():
            flight.sender.tick(now_s)
            if flight.sender.state is not cfdp.SenderState.SUSPENDED or flight.is_put_aside:
                continue
            if flight.again_s is None:
                flight.again_s = now_s + AGAIN_AFTER_S * max(self.rate, 1.0)
            elif now_s >= flight.again_s:
                flight.again_s = None
                flight.sender.resume(now_s)

    def freeze(self, now_s: float) -> None:
        """Loss of signal: nothing leaves any more, timers stand still."""
        self._frozen = True
        for flight in self._flights.values():
            flight.sender.freeze(now_s)

    def close(self) -> None:
        """Close the files."""
        for flight in self._flights.values():
            if flight.file is not None:
                os.close(flight.file)
        self._flights.clear()

    @property
    def is_busy(self) -> bool:
        """True while there are transactions under way."""
        return bool(self._flights or self._answers)

    # --- the database, by way of `flying.checkpoint` ---

    def snapshot(self, queued: int = 0) -> Snapshot:
        """Return what changed since the last snapshot; finished transactions leave with it.

        The last `queued` packets that were pulled are not radiated yet, and are not told as sent:
        should we die now, they never leave.
        """
        changed = []
        waiting = self._queued_bytes(queued)
        for number, flight in list(self._flights.items()):
            sender = flight.sender
            # What the satellite holds has left, even where the station has yet to say so.
            sent_bytes = max(sender.sent_bytes - waiting[number], sender.arrived_bytes)
            mark = (sender.state, sender.fault, sent_bytes, sender.acked.total)
            if mark != flight.saved:
                flight.saved = mark
                changed.append(_progress(flight, sent_bytes))
                self.counters.file_bytes += sent_bytes - flight.counted_bytes
                flight.counted_bytes = sent_bytes
            if sender.state.is_over or (flight.is_put_aside and not waiting[number]):
                self._retire(number)
        held = frozenset(flight.assignment.shipment_id for flight in self._flights.values())
        held |= {progress.shipment_id for progress in changed}
        waiting = cfdp.SenderState.WAITING
        left = sum(flight.sender.state is waiting for flight in self._flights.values())
        return Snapshot(
            self.contact_id, self.fencing, self.satellite_id, held, tuple(changed), left
        )

    def _retire(self, number: int) -> None:
        flight = self._flights.pop(number)
        # What it still had to say (the ACK of Finished) goes out among the answers.
        self._answers.extend(flight.sender.next_pdus(10, 0.0))
        if flight.sender.state is cfdp.SenderState.FINISHED:
            self.counters.files_finished += 1
        if flight.file is not None:
            os.close(flight.file)

    def take(self, work: Work, now_s: float) -> None:
        """Begin or resume what a checkpoint assigned; give up what was cancelled, put aside what
        was suspended."""
        for flight in self._flights.values():
            if flight.assignment.shipment_id in work.cancelled:
                flight.sender.cancel(now_s)
            elif flight.assignment.shipment_id in work.suspended:
                flight.sender.suspend()
                flight.is_put_aside = True
        for assignment in work.assignments:
            if assignment.transaction.number in self._flights:
                continue
            try:
                flight = self._begin(assignment, now_s)
            except OSError as error:
                log.error("%s cannot be read: %s", assignment.path, error)
                continue
            self._flights[assignment.transaction.number] = flight

    def _begin(self, assignment: Assignment, now_s: float) -> _Flight:
        rate = max(self.rate, 1.0)
        limits = cfdp.Limits(
            ack_s=5.0 * rate,
            inactivity_s=15.0 * rate,
            repair_s=min(REPAIR_S * rate, REPAIR_MOST_S),
            prompt_s=PROMPT_S * rate,
        )
        file, read = _reader(assignment)
        if assignment.state is None:
            sender = cfdp.Sender(
                assignment.transaction,
                assignment.name,
                assignment.size_bytes,
                assignment.crc32c,
                read,
                self.segment_bytes,
                limits=limits,
            )
        else:
            sender = cfdp.Sender.from_json(assignment.state, read, limits=limits)
            sender.resume(now_s)
        flight = _Flight(assignment, sender, file, counted_bytes=sender.sent_bytes)
        if self._frozen:
            sender.freeze(now_s)
        return flight


def _reader(assignment: Assignment) -> tuple[int | None, Callable[[int, int], bytes]]:
    if assignment.content is not None:
        content = assignment.content
        return None, lambda offset, count: content[offset : offset + count]
    file, base = os.open(assignment.path, os.O_RDONLY), assignment.offset_bytes
    return file, lambda offset, count: os.pread(file, count, base + offset)


def _progress(flight: _Flight, sent_bytes: int) -> Progress:
    sender = flight.sender
    # It may begin, and much of it arrive, before the next word to the database: should we die in
    # between, whoever comes next has to ask before it sends.
    engine = sender.to_json() | {"sent_bytes": sent_bytes, "started": True}
    return Progress(
        shipment_id=flight.assignment.shipment_id,
        sequence=sender.transaction.number,
        engine=engine,
        sent_bytes=sent_bytes,
        acknowledged_bytes=sender.acked.total,
        state=sender.state,
        fault="" if sender.fault in (None, _BY_WISH) else sender.fault.name,
    )

"""One contact, flown: wait for AOS, keep a link open to LOS, drain it, report.

Everything here may happen twice. Who takes a contact over starts the same flight again under a
higher number: batches are stored once, files and answers go on from what the other end holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

from constellation.stations import driver
from constellation.stations.driver import (
    DownBatch,
    Ended,
    Link,
    StationLost,
    StationRefused,
    Status,
)
from uplink.conduct import duties
from uplink.conduct.calls import Calls
from uplink.conduct.cfdpfeed import CfdpFeed
from uplink.conduct.claims import Claims
from uplink.conduct.commanding import Commander
from uplink.conduct.duties import Plan
from uplink.conduct.leases import Lease, LeaseLost
from uplink.conduct.missiontime import MissionTime
from uplink.conduct.pump import Pump
from uplink.conduct.reports import Tally
from uplink.transfers import flying
from uplink.transfers.uplinker import Uplinker

log = logging.getLogger(__name__)

DUTIES_S = 1.0
"""Wall seconds between two looks for work while there is some."""
LOOK_S = 15.0
"""Wall seconds between two looks when nobody calls: the conductor looks for all, every second."""
RELEASE_S = 5.0
"""Wall seconds between two words to the recorder that it may forget."""
DRAIN_S = 20.0
"""Wall seconds after LOS in which the rest is fetched from the station."""
RETRY_S = (0.25, 3.0)
"""First and longest pause between two attempts to reach a station, in wall time."""
DECODE_S, DECODE_AWAITED_S = 0.5, 0.15
"""Least wall time between two requests to decode one contact: housekeeping comes once a second,
the words of an answer many times."""
WAITING_BATCHES, TOGETHER = 64, 16
"""Batches that may wait to be committed, and how many are at once when they do."""


class Flight:
    """See the module. Lives in the conductor's loop; `fly` runs once."""

    def __init__(self, lease: Lease, *, endpoint: str, calls: Calls, clock: MissionTime) -> None:
        self.lease = lease
        self.called = asyncio.Event()
        """Set it when there may be something to send."""
        self.cancelled = False
        """Set it when the contact was called off."""
        self._endpoint, self._calls, self._clock = endpoint, calls, clock
        self._plan: Plan
        self._uplinker: Uplinker
        self._before = Tally()  # of earlier holders
        self._tally = Tally()
        self._pump: Pump | None = None
        self._commander: Commander
        self._claims = Claims(lease, calls, clock)
        self._moved = asyncio.Event()
        self._decode, self._hurry = asyncio.Event(), asyncio.Event()
        self._awaited = self._is_busy = False
        self._kept: Tally | None = None
        self._ended: Ended | None = None
        self._trouble = ""
        self._over_since: float | None = None

    async def fly(self) -> None:
        """Fly the contact to its end. Raises LeaseLost when it is another's by now."""
        self._plan = await self._calls.insist(duties.plan_of, self.lease)
        self._before = self._plan.tally
        await self._clock.sleep_until(self._plan.aos_at)
        self._uplinker = Uplinker(
            contact_id=self.lease.contact_id,
            fencing=self.lease.fencing,
            satellite_id=self.lease.satellite_id,
            entity_id=self._plan.entity_id,
            rate=self._clock.rate,
        )
        try:
            await self._calls.insist(duties.begin_pass, self.lease)
            await self._until_the_end()
            await self._land()
        finally:
            self._uplinker.close()

    async def hand_over(self) -> None:
        """Put down what was done so far: somebody else goes on with it."""
        if hasattr(self, "_uplinker"):
            await self._calls.database(self._checkpoint_now, last=True)
            await self._calls.database(duties.keep_tally, self.lease, self.tally)

    @property
    def tally(self) -> Tally:
        """What all holders of this contact counted."""
        return self._before + self._tally

    # --- links ---

    async def _until_the_end(self) -> None:
        pause_s = RETRY_S[0]
        while self._ended is None and not self._gives_up():
            try:
                link = await self._open()
                pause_s = RETRY_S[0]
                self._tally.links += 1
                await self._use(link)
            except StationRefused as refusal:
                if refusal.code == "stale_fencing":
                    raise LeaseLost(str(refusal)) from refusal
                self._trouble = str(refusal)
            except StationLost as lost:
                self._trouble = str(lost)
            if self._ended is None:
                log.info("contact %s: %s", self.lease.contact_id, self._trouble)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, RETRY_S[1])

    def _gives_up(self) -> bool:
        """Say whether LOS was so long ago that the station will not be asked again."""
        if self.cancelled:
            return True
        if self._clock.now() < self._plan.los_at:
            return False
        self._over_since = self._over_since or time.monotonic()
        return time.monotonic() - self._over_since > DRAIN_S

    async def _open(self) -> Link:
        return await driver.open_link(
            self._endpoint,
            station=self._plan.station,
            antenna=self._plan.antenna,
            satellite=self._plan.satellite,
            contact_id=str(self.lease.contact_id),
            fencing=self.lease.fencing,
            until=self._plan.los_at.timestamp(),
        )

    async def _use(self, link: Link) -> None:
        """Work with a link until the contact is over or the link is lost."""
        self._uplinker.ask_again(self._clock.now_s, link.uplink_bit_per_s)
        self._pump = Pump(link, self._plan.spacecraft_id, self._files)
        self._commander = Commander(
            self._plan.spacecraft_id, opened_s=self._clock.now_s, rate=self._clock.rate
        )
        batches: asyncio.Queue[DownBatch | Ended] = asyncio.Queue(WAITING_BATCHES)
        work = [
            asyncio.create_task(task)
            for task in (
                self._store(link, batches),
                self._receive(link, batches),
                self._send(link),
                self._do_duties(),
                self._ask_to_decode(),
                self._watch_the_end(),
            )
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            done = [task for task in work if task.done()]
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            self._tally += _counted(self._pump)
            self._uplinker.take_back(self._pump.files_not_radiated())
            begun, self._pump = self._pump.begun, None
            await self._hang_up(link)
            await self._claims.settle(begun)
        for task in done:
            task.result()

    async def _hang_up(self, link: Link) -> None:
        if self.cancelled or self._ended is not None:
            await link.close()
        else:
            link.abandon()

    # --- down ---

    async def _receive(self, link: Link, batches: asyncio.Queue[DownBatch | Ended]) -> None:
        async for event in link:
            if not isinstance(event, Status):
                await batches.put(event)
            self._moved.set()
        await asyncio.Event().wait()  # what waits in the queue is stored before we leave

    async def _store(self, link: Link, batches: asyncio.Queue[DownBatch | Ended]) -> None:
        """Commit, then acknowledge, then let it be decoded: in this order, what waits together."""
        feed = CfdpFeed(self._plan.spacecraft_id)
        while self._ended is None:
            events = [await batches.get()]
            while not batches.empty() and len(events) < TOGETHER:
                events.append(batches.get_nowait())
            came = [event for event in events if isinstance(event, DownBatch)]
            if came:
                await self._calls.insist(duties.store, self.lease, self._plan, came)
                await link.acknowledge(came[-1].number)
                self._decode.set()
            for batch in came:
                self._read(feed, batch)
            for event in events:
                if isinstance(event, Ended):
                    if event.reason == "fenced":
                        raise LeaseLost(f"Contact {self.lease.contact_id} was taken over.")
                    self._ended = event
            self._moved.set()

    def _read(self, feed: CfdpFeed, batch: DownBatch) -> None:
        """Take what is for us in frames that are committed: files' PDUs, the control word."""
        for pdu in feed.pdus(batch.frames, batch.coding):
            self._uplinker.receive(pdu, self._clock.now_s)
        if feed.control_word is not None:
            self._hear_control_word(feed.control_word, batch.received_at_ns / 1e9)

    def _hear_control_word(self, word: int, received_s: float) -> None:
        could_send = self._commander.claims(self._clock.now_s)
        self._commander.heard(word, received_s=received_s, now_s=self._clock.now_s)
        if self._commander.claims(self._clock.now_s) > could_send:
            self.called.set()  # there may be telecommands that waited for this

    async def _ask_to_decode(self) -> None:
        while True:
            await self._decode.wait()
            self._decode.clear()
            await self._queue_decoding()
            await _set_or_late(self._hurry, DECODE_AWAITED_S if self._awaited else DECODE_S)
            self._hurry.clear()

    async def _queue_decoding(self) -> None:
        await self._calls.broker(
            duties.queue_decoding, self.lease.contact_id, awaited=self._awaited
        )

    # --- up ---

    def _files(self, most: int) -> list[bytes]:
        return self._uplinker.pull(most, self._clock.now_s)

    async def _send(self, link: Link) -> None:
        while self._clock.now() < self._plan.los_at:
            self._moved.clear()
            self._uplinker.tick(self._clock.now_s)
            visible = link.status is not None and link.status.visible
            if visible:
                self._command()
            sent = await self._pump.pump() if visible else 0
            await self._note_what_left()
            if sent:
                await asyncio.sleep(0)
            else:
                await _set_or_late(self._moved, 0.1)
        self._uplinker.freeze(self._clock.now_s)
        await asyncio.Event().wait()  # the downlink drains on

    def _command(self) -> None:
        """Hand on to the pump what the sender of telecommands has to say by now."""
        self._commander.tick(self._clock.now_s, rate=self._clock.rate)
        for frame, claimed in self._commander.frames():
            self._pump.command(frame, claimed)

    async def _note_what_left(self) -> None:
        if commands := self._pump.handed_over():
            await self._calls.insist(duties.commands_sent, commands)
        if questions := self._pump.radiated():
            await self._calls.insist(duties.uplinked, self.lease, questions, now=self._clock.now())

    async def _do_duties(self) -> None:
        """Look for what is to be sent: at once when called, every second while there is something,
        and now and then in any case."""
        look_at = checkpoint_at = release_at = 0.0
        while self._clock.now() < self._plan.los_at:
            called, now_s = self.called.is_set(), time.monotonic()
            self.called.clear()
            if now_s >= release_at:
                release_at = now_s + RELEASE_S
                self._take(await self._calls.insist(duties.let_forget, self.lease))
            if called or self._is_busy or now_s >= look_at:
                look_at = now_s + LOOK_S
                await self._look()
                if time.monotonic() >= checkpoint_at:
                    checkpoint_at = time.monotonic() + DUTIES_S
                    await self._checkpoint()
            await _set_or_late(self.called, DUTIES_S)
        await self._calls.insist(duties.begin_postpass, self.lease)
        await asyncio.Event().wait()

    async def _look(self) -> None:
        gathered = await self._claims.gather(self._commander)
        for one in gathered.commands:
            self._commander.add(one, one.packet, now_s=self._clock.now_s)
        self._take(gathered)
        if gathered.awaited and not self._awaited:
            self._hurry.set()
        self._awaited = gathered.awaited
        self._is_busy = bool(gathered.commands or gathered.packets or gathered.awaited)
        self._is_busy |= self._uplinker.is_busy

    def _take(self, gathered: duties.Gathered) -> None:
        for packet in gathered.packets:
            self._pump.packet(packet.apid, packet.payload, packet.uplinked)
        self._tally += gathered.tally
        self._moved.set()

    async def _watch_the_end(self) -> None:
        """End when nothing more is to be expected, or when the contact was called off."""
        while not self._gives_up():
            await asyncio.sleep(0.2)
        self._trouble = self._trouble or "the station never said that the contact is over"

    # --- what others must know ---

    async def _checkpoint(self, *, last: bool = False) -> None:
        queued = self._pump.files_not_radiated() if self._pump else 0
        snapshot = self._uplinker.snapshot(queued)
        work = await self._calls.insist(
            duties.checkpoint, snapshot, now=self._clock.now(), last=last
        )
        self._uplinker.take(work, self._clock.now_s)
        counted = self._uplinker.counters
        self._tally.files_finished = counted.files_finished
        self._tally.file_bytes = counted.file_bytes
        running = self.tally + _counted(self._pump)
        if running != self._kept:
            await self._calls.insist(duties.keep_tally, self.lease, running)
            self._kept = running

    def _checkpoint_now(self, *, last: bool) -> None:
        self._uplinker.freeze(self._clock.now_s)
        flying.checkpoint(self._uplinker.snapshot(), now=self._clock.now(), last=last)

    async def _land(self) -> None:
        self._uplinker.freeze(self._clock.now_s)
        await self._checkpoint(last=True)
        ended: dict[str, Any] | None = self._ended.counters if self._ended else None
        await self._calls.insist(
            duties.end,
            self.lease,
            self.tally,
            ended=ended,
            trouble=self._trouble,
            cancelled=self.cancelled,
        )
        await self._queue_decoding()


async def _set_or_late(event: asyncio.Event, timeout_s: float) -> None:
    """Wait for an event, or not longer than that."""
    # Not `wait_for`: on Python 3.11 it swallows a cancellation that comes together with the event.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()


def _counted(pump: Pump | None) -> Tally:
    if pump is None:
        return Tally()
    counts = pump.counts
    return Tally(
        sent_frames=counts.frames,
        file_frames=counts.file_frames,
        protocol_packets=counts.protocol_packets,
        commands=counts.commands,
    )

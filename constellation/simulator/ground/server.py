"""The stations' door: connections in, contacts found or made, refusals said."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from constellation.simulator.clock import Clock
from constellation.simulator.fleet import Fleet
from constellation.simulator.ground.channel import Faults
from constellation.simulator.ground.contact import Board, Contact, Holder
from constellation.simulator.ground.spool import Spool
from constellation.simulator.space import Space, Track
from constellation.stations import wire
from telemetry.onboard import FRAME_BYTES, TC_FRAME_MAX_BYTES

log = logging.getLogger(__name__)

KEEP_AFTER_END_S = 600.0
"""Mission time for which frames that nobody acknowledged can still be fetched."""
OPEN_TIMEOUT_S = 5.0
QUEUE_BYTES_MAX = 8 * 1024 * 1024
_READ_BYTES = 256 * 1024


class Refused(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class Stations:
    """All antennas of all stations, and the contacts they fly."""

    def __init__(
        self,
        root: Path,
        *,
        fleet: Fleet,
        space: Space,
        clock: Clock,
        faults: Faults,
        seed: int,
        board: Callable[[str], Board],
    ) -> None:
        self._root = root / "contacts"
        self._root.mkdir(parents=True, exist_ok=True)
        self._fleet, self._space, self._clock = fleet, space, clock
        self._faults, self._seed, self._board = faults, seed, board
        self.contacts: dict[str, Contact] = {}
        self._by_antenna: dict[tuple[str, str], str] = {}
        self._flights: dict[str, asyncio.Task] = {}

    # --- a connection ---

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one connection from its opening to its end."""
        splitter = wire.Splitter()
        holder, contact = Holder(writer), None
        try:
            async for kind, body in _messages(reader, splitter):
                if contact is None:
                    contact = self._open(kind, body, holder)
                else:
                    await self._handle(contact, holder, kind, body)
        except (Refused, wire.Malformed) as refusal:
            code = getattr(refusal, "code", "malformed")
            detail = getattr(refusal, "detail", str(refusal))
            holder.send(wire.encode_json(wire.REFUSED, {"code": code, "detail": detail}))
        except (OSError, TimeoutError) as error:
            log.info("connection lost: %s", error)
        except asyncio.CancelledError:
            log.debug("a connection is closed with the simulation")
        finally:
            if contact is not None:
                contact.leave(holder)
            holder.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _handle(self, contact: Contact, holder: Holder, kind: bytes, body: bytes) -> None:
        if kind == wire.ACKNOWLEDGE:
            contact.spool.acknowledge(wire.decode_acknowledge(body))
        elif contact.holder is not holder:
            return  # fenced off: an older holder's frames go nowhere
        elif kind == wire.UPLINK:
            if len(body) % FRAME_BYTES:
                raise wire.Malformed(f"uplink frames have {FRAME_BYTES} bytes each")
            while contact.queued_bytes > QUEUE_BYTES_MAX and not contact.over:
                await asyncio.sleep(0.02)
            contact.send_frames(body)
        elif kind == wire.COMMAND:
            if not 0 < len(body) <= TC_FRAME_MAX_BYTES:
                raise wire.Malformed(f"a TC frame of {len(body)} bytes")
            contact.send_command(body)
        elif kind == wire.CLOSE:
            contact.close("closed")
        else:
            raise wire.Malformed(f"message of type {kind!r}")

    # --- opening ---

    def _open(self, kind: bytes, body: bytes, holder: Holder) -> Contact:
        if kind != wire.OPEN:
            raise wire.Malformed("the first message opens a contact")
        request = wire.decode_open(body)
        self._check(request)
        contact = self._contact(request)
        resumed = contact is not None
        if contact is not None and request.fencing < contact.spool.fencing:
            raise Refused("stale_fencing", f"{contact.spool.fencing} was here")
        self._free_antenna(request)
        if contact is None:
            contact = self._make(request)
        contact.take_over(holder, request)
        holder.send(wire.encode_json(wire.OPENED, self._opened(contact, resumed)))
        contact.resend()
        if not contact.over and contact.id not in self._flights:
            flight = asyncio.create_task(contact.fly(self._clock), name=contact.id)
            self._flights[contact.id] = flight
            flight.add_done_callback(lambda done: self._landed(request, done))
        return contact

    def _check(self, request: wire.OpenRequest) -> None:
        station = self._fleet.stations.get(request.station)
        if station is None:
            raise Refused("unknown_station", request.station)
        if request.antenna not in station.antennas:
            known = ", ".join(station.antennas)
            raise Refused("unknown_antenna", f"{request.antenna}; {station.code} has {known}")
        if request.satellite not in self._fleet.satellites:
            raise Refused("unknown_satellite", request.satellite)

    def _contact(self, request: wire.OpenRequest) -> Contact | None:
        """Return the contact if it was held before, in this life of the process or an earlier."""
        known = self.contacts.get(request.contact_id)
        if known is None and self._path(request.contact_id).exists():
            spool = Spool(self._path(request.contact_id))
            if spool.request is None:
                return None
            known = self._assemble(spool, request)
        return known

    def _make(self, request: wire.OpenRequest) -> Contact:
        spool = Spool(self._path(request.contact_id))
        spool.request = request
        coding = self._fleet.stations[request.station].coding
        if coding is not None:
            spool.deliver_bits(coding)
        return self._assemble(spool, request)

    def _assemble(self, spool: Spool, request: wire.OpenRequest) -> Contact:
        station = self._fleet.stations[request.station]
        contact = Contact(
            spool,
            station=station,
            board=self._board(request.satellite),
            track=Track(self._space, request.satellite, station),
            faults=self._faults,
            seed=self._seed,
        )
        self.contacts[request.contact_id] = contact
        return contact

    def _free_antenna(self, request: wire.OpenRequest) -> None:
        """Make sure that the antenna follows nobody else; a contact without a holder gives way."""
        antenna = request.station, request.antenna
        other = self.contacts.get(self._by_antenna.get(antenna, ""))
        if other is not None and other.id != request.contact_id and not other.over:
            if other.holder is not None and self._clock.now_s() < other.spool.request.until:
                raise Refused("antenna_busy", f"{request.antenna} is with contact {other.id}")
            other.close("displaced")
        self._by_antenna[antenna] = request.contact_id

    def _opened(self, contact: Contact, resumed: bool) -> dict:
        station = self._fleet.stations[contact.spool.request.station]
        return {
            "uplink_bit_per_s": station.uplink_bit_per_s,
            "downlink_bit_per_s": station.downlink_bit_per_s,
            "clock_generation": self._clock.reading.generation,
            "resumed": resumed,
            "radiated_frames": contact.spool.counters.radiated_frames,
            "coding": contact.spool.coding,
        }

    def _landed(self, request: wire.OpenRequest, flight: asyncio.Task) -> None:
        self._flights.pop(request.contact_id, None)
        if not flight.cancelled() and flight.exception() is not None:
            log.error("contact %s broke", request.contact_id, exc_info=flight.exception())

    # --- the account ---

    def report(self, contact_id: str) -> dict | None:
        """Return a contact's counters, of whatever age; None when it never was."""
        contact = self.contacts.get(contact_id)
        if contact is not None:
            return contact.report()
        if not self._path(contact_id).exists():
            return None
        spool = Spool(self._path(contact_id))
        return spool.counters.as_dict() | {
            "contact_id": contact_id,
            "ended": spool.end_reason,
            "unacknowledged": len(spool.unacknowledged),
        }

    def forget(self, now_s: float) -> None:
        """Let go of contacts that are over and done with; their account stays on disk."""
        for contact in list(self.contacts.values()):
            late = now_s > contact.spool.request.until + KEEP_AFTER_END_S
            if (
                contact.over
                and contact.holder is None
                and (late or not contact.spool.unacknowledged)
            ):
                del self.contacts[contact.id]

    def _path(self, contact_id: str) -> Path:
        return self._root / f"{quote(contact_id, safe='')}.contact"


async def _messages(reader: asyncio.StreamReader, splitter: wire.Splitter):
    """Yield messages until the other side hangs up; the first must come soon."""
    timeout_s: float | None = OPEN_TIMEOUT_S
    while piece := await asyncio.wait_for(reader.read(_READ_BYTES), timeout_s):
        for message in splitter.feed(piece):
            timeout_s = None
            yield message

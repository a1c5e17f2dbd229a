"""The driver of the simulated stations: one TCP connection a contact."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from constellation.stations import wire

WINDOW_S = 0.25
"""How much of the link's rate may be on its way to the antenna and not radiated yet."""
WINDOW_FRAMES_MIN = 8
CONNECT_TIMEOUT_S = 5.0
_READ_BYTES = 256 * 1024


class StationRefused(Exception):
    """The station answered no; `code` is one of `wire.REFUSALS`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class StationLost(Exception):
    """The connection to the station broke, or was never made."""


@dataclass(frozen=True, slots=True)
class DownBatch:
    """What was received, to be committed and then acknowledged by `number`.

    `frames` are whole frames; with a `coding` (the object that docs/frames.md tells of) they are
    bits so coded, and none of them says that no more come.
    """

    number: int
    received_at_ns: int
    frames: bytes
    coding: dict | None = None

    @property
    def frame_count(self) -> int:
        """How many frames there are; of bits nobody knows it yet."""
        return 0 if self.coding else len(self.frames) // wire.FRAME_BYTES


@dataclass(frozen=True, slots=True)
class Status:
    """How the contact stands, by the station; counters run over the whole contact."""

    visible: bool
    elevation_deg: float
    radiated_frames: int
    radiated_bytes: int
    queued_bytes: int
    down_frames: int
    down_bytes: int
    command_frames: int
    range_m: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The station's last word: why the contact is over, and its counters."""

    reason: str
    counters: dict


Event = DownBatch | Status | Ended


class Link:
    """An open contact with a station.

    One task may send while another receives. Flow control is the station's: frames that it has
    not radiated yet stay within a window of `WINDOW_S` of the uplink's rate, and `room` tells how
    many more it takes.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: dict
    ) -> None:
        self.uplink_bit_per_s: int = opened["uplink_bit_per_s"]
        self.downlink_bit_per_s: int = opened["downlink_bit_per_s"]
        self.clock_generation: int = opened["clock_generation"]
        self.resumed: bool = opened["resumed"]
        self.window_frames = max(
            WINDOW_FRAMES_MIN, int(self.uplink_bit_per_s * WINDOW_S / 8 / wire.FRAME_BYTES)
        )
        self.coding: dict | None = opened.get("coding")
        self.status: Status | None = None
        self._reader = reader
        self._writer = writer
        self._splitter = wire.Splitter()
        self._events: deque[Event] = deque()
        self.radiated_before: int = opened["radiated_frames"]
        self._radiated = 0
        self._sent = 0
        self._progress = asyncio.Event()
        self._over = False

    @property
    def room(self) -> int:
        """Frames that can be sent now without waiting."""
        return max(0, self.window_frames - (self._sent - self._radiated))

    async def wait_for_room(self, frames: int = 1) -> None:
        """Return when `frames` fit into the window (all of it at most); StationLost when it never
        will. Somebody must be receiving meanwhile."""
        wanted = min(frames, self.window_frames)
        while self.room < wanted:
            if self._over:
                raise StationLost("the contact is over")
            self._progress.clear()
            await self._progress.wait()

    async def send_frames(self, frames: list[bytes]) -> None:
        """Hand over uplink frames, waiting for room as it goes."""
        start = 0
        while start < len(frames):
            await self.wait_for_room()
            piece = frames[start : start + self.room]
            self._sent += len(piece)
            start += len(piece)
            await self._write(wire.encode_uplink(piece))

    async def send_command(self, frame: bytes) -> None:
        """Hand over one TC frame; it goes before every AOS frame that waits."""
        await self._write(wire.encode(wire.COMMAND, frame))

    async def acknowledge(self, batch_number: int) -> None:
        """Tell the station that every batch up to this one is committed."""
        await self._write(wire.encode_acknowledge(batch_number))

    async def receive(self) -> Event:
        """Return the next event; StationLost when the connection breaks before `Ended`."""
        while not self._events:
            try:
                piece = await self._reader.read(_READ_BYTES)
                if not piece:
                    raise StationLost("the station closed the connection")
                for kind, body in self._splitter.feed(piece):
                    self._take(kind, body)
            except (OSError, wire.Malformed) as error:
                self._finish()
                raise StationLost(str(error)) from error
            except StationLost:
                self._finish()
                raise
        return self._events.popleft()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._all()

    async def _all(self) -> AsyncIterator[Event]:
        while True:
            event = await self.receive()
            yield event
            if isinstance(event, Ended):
                return

    async def close(self) -> None:
        """Tell the station that we are done and hang up. Safe to repeat, never raises."""
        self._finish()
        with contextlib.suppress(OSError, StationLost):
            await self._write(wire.encode_json(wire.CLOSE, {}))
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), CONNECT_TIMEOUT_S)

    def abandon(self) -> None:
        """Hang up without a word: the contact goes on at the station for whoever holds it next."""
        self._finish()
        self._writer.transport.abort()

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == wire.DOWNLINK:
            batch = wire.decode_batch(body)
            self._events.append(DownBatch(batch.number, batch.received_at_ns, batch.frames))
        elif kind == wire.BITS:
            if not self.coding:
                raise wire.Malformed("bits from a station that did not say how they are coded")
            batch = wire.decode_bits(body)
            self._events.append(
                DownBatch(batch.number, batch.received_at_ns, batch.frames, self.coding)
            )
        elif kind == wire.STATUS:
            self.status = _status(wire.decode_json(body))
            self._radiated = self.status.radiated_frames - self.radiated_before
            self._progress.set()
            self._events.append(self.status)
        elif kind == wire.END:
            counters = wire.decode_json(body)
            self._finish()
            self._events.append(Ended(counters.get("reason", ""), counters))
        else:
            raise wire.Malformed(f"message of type {kind!r}")

    def _finish(self) -> None:
        self._over = True
        self._progress.set()

    async def _write(self, message: bytes) -> None:
        try:
            self._writer.write(message)
            await self._writer.drain()
        except OSError as error:
            raise StationLost(str(error)) from error


def _status(fields: dict) -> Status:
    try:
        return Status(**{name: fields[name] for name in Status.__slots__})
    except KeyError as error:
        raise wire.Malformed(f"status without {error}") from error


async def open_link(
    endpoint: str,
    *,
    station: str,
    antenna: str,
    satellite: str,
    contact_id: str,
    fencing: int,
    until: float,
) -> Link:
    """Take an antenna for a satellite until a mission time (unix seconds).

    `endpoint` is `host:port`. Of two holders of one contact the higher fencing number wins: the
    lower is refused as `stale_fencing`, or cut off when it came first. Raises StationRefused or
    StationLost.
    """
    host, _, port = endpoint.rpartition(":")
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(host, int(port)), CONNECT_TIMEOUT_S
        )
    except (OSError, TimeoutError) as error:
        raise StationLost(f"no station at {endpoint}: {error}") from error
    request = wire.OpenRequest(station, antenna, satellite, str(contact_id), fencing, until)
    try:
        writer.write(wire.encode_open(request))
        kind, body = await asyncio.wait_for(_read_message(reader), CONNECT_TIMEOUT_S)
        answer = wire.decode_json(body)
        if kind == wire.REFUSED:
            raise StationRefused(answer.get("code", "malformed"), answer.get("detail", ""))
        if kind != wire.OPENED:
            raise StationLost(f"the station answered with {kind!r}")
        return Link(reader, writer, answer)
    except (OSError, TimeoutError, EOFError, wire.Malformed, KeyError) as error:
        writer.close()
        raise StationLost(f"{endpoint} gave no answer: {error!r}") from error
    except (StationRefused, StationLost):
        writer.close()
        raise


async def _read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read exactly one message, and nothing behind it."""
    length = int.from_bytes(await reader.readexactly(4))
    if not 1 <= length <= wire.MESSAGE_BYTES_MAX:
        raise wire.Malformed(f"a message of {length} bytes")
    rest = await reader.readexactly(length)
    return rest[:1], rest[1:]

"""Packets that satellites hand on by laser: telecommands for others, and what others report.

Who hears a telecommand for another satellite sends it over the links that there are at that moment,
and a satellite without a contact sends its reports to the nearest that has one. Each link takes the
light's way and the bytes at the rate of the slower end. Nobody on the way can read a command's key
or make a report: that is for the two ends to check (telemetry/onboard.py).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from constellation.orbits import look
from constellation.simulator.board.satellite import Satellite
from constellation.simulator.clock import Clock
from constellation.simulator.fleet import Fleet
from constellation.simulator.mischief import Mischief
from constellation.simulator.space import PAIRED_MOST, Space
from telemetry import onboard
from telemetry.onboard import Apid
from telemetry.packets import space as packets

log = logging.getLogger(__name__)

TICK_S = 0.05
"""Wall time between two looks."""
HOLD_S = 20.0
"""Mission time for which a packet waits where no link leads on; then it is dropped."""
HEAD_BYTES = 64
"""What a link adds to a packet."""
HOPS_IN_LARGE_FLEET = 3
"""There a satellite's links are looked for one by one."""
WAITING_MOST = 256
"""Packets under way or waiting at one satellite, of all others together."""
REPLAY_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Message:
    """A packet on its way.

    `to` is the code of the satellite that it is for, or empty: whoever has a contact. `origin` is
    where it came into the net, `giver` who handed it over last. `lied` marks the work of a rogue.
    """

    to: str
    origin: str
    content: bytes
    giver: str
    hops: int = onboard.RELAY_HOPS_MAX
    drop_s: float = 0.0
    lied: bool = False
    done: Callable[[], None] | None = field(default=None, compare=False)


class Relays:
    """All packets that are handed on in the fleet."""

    def __init__(
        self,
        fleet: Fleet,
        space: Space,
        clock: Clock,
        mischief: Mischief,
        *,
        boards: dict[str, Satellite],
        board: Callable[[str], Satellite],
    ) -> None:
        self._fleet, self._space, self._clock = fleet, space, clock
        self._mischief, self._boards, self._board = mischief, boards, board
        self._codes = {spec.entity_id: code for code, spec in fleet.satellites.items()}
        self._number = itertools.count()
        self._under_way: list[tuple[float, int, str, Message]] = []
        self._waiting: dict[str, deque[Message]] = {}
        self._withheld: dict[str, Message] = {}
        self.handed_on = 0

    # --- what satellites ask for ---

    def up(self, gateway: str, entity_id: int, packet: bytes) -> None:
        """Take a packet for another satellite, as it was heard by radio."""
        to = self._codes.get(entity_id)
        if to is None:
            log.info("%s knows no satellite %d", gateway, entity_id)
            return
        now_s = self._clock.now_s()
        message = Message(to, gateway, packet, gateway, drop_s=now_s + HOLD_S)
        for one in self._tampered(gateway, message):
            self._send(gateway, one, now_s)

    def down(self, code: str, sealed: bytes, done: Callable[[], None]) -> bool:
        """Send a sealed packet of a satellite to whoever has a contact; False when nobody has one
        that can be reached. `done` is called when that one takes it."""
        now_s = self._clock.now_s()
        if self._next(code, "", now_s) is None:
            return False
        message = Message("", code, sealed, code, drop_s=now_s + HOLD_S, done=done)
        self._send(code, message, now_s)
        return True

    async def run(self) -> None:
        """Go on until cancelled; what goes wrong with one packet stops none of the others."""
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self.step(self._clock.now_s())
            except OSError as error:
                log.error("a packet is not handed on: %s", error)

    def step(self, now_s: float) -> None:
        """Let everything come to where it is by now."""
        for code in [code for code, held in self._waiting.items() if held]:
            held, self._waiting[code] = self._waiting[code], deque()
            for message in held:
                self._send(code, message, now_s)
        while self._under_way and self._under_way[0][0] <= now_s:
            arrived_s, _, code, message = heapq.heappop(self._under_way)
            if code not in self._mischief.lost:
                self._arrive(code, message, arrived_s)
        for board in list(self._boards.values()):
            board.live_on(now_s)

    # --- from link to link ---

    def _arrive(self, code: str, message: Message, at_s: float) -> None:
        if message.to == code:
            self._board(code).handed(message.content, self._entity(message.giver))
        elif not message.to and self._hears(code):
            for one in self._tampered(code, message):
                self._board(code).hand_on(one.content)
                if one.done is not None and not one.lied:
                    one.done()
        elif message.hops > 0:
            for one in self._tampered(code, message):
                self._send(code, one, at_s)
        else:
            log.info("a packet from %s went in circles", message.origin)

    def _send(self, code: str, message: Message, at_s: float) -> None:
        following = self._next(code, message.to, at_s)
        if following is None:
            held = self._waiting.setdefault(code, deque())
            if at_s < message.drop_s and len(held) < WAITING_MOST:
                held.append(message)
            else:
                log.info("%s knows no way to %s", code, message.to or "anybody in contact")
            return
        if len(self._under_way) >= WAITING_MOST * max(1, len(self._boards)):
            return
        self.handed_on += 1
        moved = replace(message, giver=code, hops=message.hops - 1)
        arrives_s = at_s + self._takes_s(code, following, len(message.content), at_s)
        heapq.heappush(self._under_way, (arrives_s, next(self._number), following, moved))

    def _next(self, code: str, to: str, at_s: float) -> str | None:
        """Return the neighbour by whom the way to `to` (or to anybody in contact) is shortest."""
        if not to and not any(board.radio.linked for board in self._boards.values()):
            return None
        is_large = len(self._fleet.satellites) > PAIRED_MOST
        most = HOPS_IN_LARGE_FLEET if is_large else onboard.RELAY_HOPS_MAX
        edge = deque((other, other) for other in self.neighbours(code, at_s))
        seen = {code, *(other for other, _ in edge)}
        depth = {other: 1 for other, _ in edge}
        while edge:
            there, first = edge.popleft()
            if there == to or (not to and self._hears(there)):
                return first
            if depth[there] >= most:
                continue
            for other in self.neighbours(there, at_s):
                if other not in seen:
                    seen.add(other)
                    depth[other] = depth[there] + 1
                    edge.append((other, first))
        return None

    def neighbours(self, code: str, at_s: float) -> Iterator[str]:
        """Yield the satellites at the other ends of links that both ends hold, nearest first."""
        if not self._is_able(code):
            return
        for other in self._space.neighbours(code, at_s):
            if self._is_able(other) and code in self._space.neighbours(other, at_s):
                yield other

    def _is_able(self, code: str) -> bool:
        board = self._boards.get(code)
        return code not in self._mischief.lost and not (board and board.troubles.lasers_down)

    def _hears(self, code: str) -> bool:
        board = self._boards.get(code)
        return board is not None and board.radio.linked

    def _entity(self, code: str) -> int:
        return self._fleet.satellites[code].entity_id

    def _takes_s(self, one: str, other: str, size: int, at_s: float) -> float:
        ends = [self._space.positions_m(code, np.array([at_s]))[0] for code in (one, other)]
        light_s = float(np.linalg.norm(ends[0] - ends[1])) / look.SPEED_OF_LIGHT_M_S
        known = self._fleet.satellites
        bit_per_s = min(known[one].isl_bit_per_s, known[other].isl_bit_per_s)
        return light_s + (size + HEAD_BYTES) * 8.0 / bit_per_s

    # --- rogues ---

    def _tampered(self, code: str, message: Message) -> list[Message]:
        """Return what a satellite makes of a packet that it is to hand on."""
        lie = self._mischief.rogue.get(code)
        if message.lied or (lie != "forge" and not message.to and lie in ("replay", "reorder")):
            return [message]
        match lie:
            case "drop":
                return []
            case "alter":
                return [self._altered(message)]
            case "forge" if not message.to:
                return [message, self._altered(message)]
            case "replay" if packets.apid_of(message.content) == Apid.RELAYED_COMMAND:
                again = replace(message, lied=True, giver=code, hops=message.hops - 1)
                at_s = self._clock.now_s() + REPLAY_AFTER_S
                heapq.heappush(self._under_way, (at_s, next(self._number), message.to, again))
                return [message]
            case "reorder" if packets.apid_of(message.content) == Apid.RELAYED_COMMAND:
                kept = self._withheld.pop(code, None)
                if kept is None:
                    self._withheld[code] = message
                    return []
                return [message, replace(kept, drop_s=message.drop_s)]
        return [message]

    def _altered(self, message: Message) -> Message:
        """Flip the last bit before the authentication code: an argument, or a reported value."""
        at = len(message.content) - 1 - onboard.TELECOMMAND_MAC_BYTES * bool(message.to)
        content = bytearray(message.content)
        content[at] ^= 1
        return replace(message, content=bytes(content), lied=True)

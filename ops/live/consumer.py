"""`/ws/live`: numbered events of the streams a page asks for, resumed after any cut.

    client  {"subscribe": [{"stream": "contacts", "after": 41}]}     after null: from now on
            {"unsubscribe": ["contacts"]}
            {"subscribe": [{"stream": "telemetry:SCS-01-A", "only": ["mode"], "every_s": 2}]}
                                                  some values, joined; again to change the wish
            {…, "after": 99}                      a number of ours, or null; other keys are refused
    server  {"subscribed": "contacts", "number": 44}
            {"stream": "contacts", "number": 42, "kind": "changed", "payload": {…}}
            {…, "since": 40, "merged": 2}         under a wish: 41 and 42 in one, or 41 held none
            {"gap": {"stream": "contacts", "first": 42, "last": 900}}   too far behind, or ahead
            {"refused": "queries:…", "detail": "…"}     not yours, no such stream, or a bad wish
            {"heartbeat": "2026-08-22T12:00:00.5Z", "rate": 1.0, "paused": false, "simulated": true}

Closes with 4401 when the session is over. It only speaks; whatever changes goes through the API.
"""

import asyncio
import contextlib
import logging
import time
from math import inf
from typing import Any

import orjson
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from ops import clock, db
from ops.accounts.models import User
from ops.live import hub, streams, wishes

log = logging.getLogger(__name__)
HEARTBEAT_S = 2.0
SESSION_CHECK_S = 60.0
AGAIN_S = 1.0
FAR_BEHIND = 1000
"""A client further behind than this is told a gap: the page reloads what it shows instead."""
STREAMS_MAX = 64


class Live(AsyncJsonWebsocketConsumer):
    """One page's link."""

    async def connect(self) -> None:
        self.sent: dict[str, int] = {}
        self.wishes: dict[str, wishes.Wish] = {}
        self.quiet_until: dict[str, float] = {}
        self.heard_at: dict[str, float] = {}
        self.woken = asyncio.Event()
        self.sender: asyncio.Task[None] | None = None
        self.hub = hub.current()
        # Accepted first: a browser is told the code of a close, not of a refused handshake.
        await self.accept()
        if not self.scope["user"].is_authenticated:
            await self.close(code=4401)
            return
        self.sender = asyncio.create_task(self._speak())

    async def disconnect(self, code: int) -> None:
        for stream in list(self.sent):
            self._leave(stream)
        if self.sender:
            self.sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.sender

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any
    ) -> None:
        # An empty frame, or one of bytes, is nonsense like any other.
        await super().receive(text_data=text_data or "null", **kwargs)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if self.sender is None:
            return
        try:
            wanted = [(str(one["stream"]), dict(one)) for one in content.get("subscribe", [])]
            left = [str(stream) for stream in content.get("unsubscribe", [])]
        except (AttributeError, KeyError, TypeError, ValueError):
            await self.close(code=4400)
            return
        for stream, told in wanted:
            await self._subscribe(stream, told)
        for stream in left:
            self._leave(stream)

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        try:
            return orjson.loads(text_data)
        except orjson.JSONDecodeError:
            return None

    async def _subscribe(self, stream: str, told: dict[str, Any]) -> None:
        is_one = len(stream) <= streams.LONGEST_NAME and "\0" not in stream
        is_full = len(self.sent) >= STREAMS_MAX and stream not in self.sent
        if is_full or not is_one or not await _may_read(self.scope["user"], stream):
            await self.send_json({"refused": stream[: streams.LONGEST_NAME]})
            return
        try:
            wish, after = wishes.read(told), wishes.after(told)
            if not wish.is_plain and not streams.part_of(stream):
                raise wishes.BadWish(f"of {stream} there is nothing to choose")
        except wishes.BadWish as error:
            await self.send_json({"refused": stream, "detail": str(error)})
            return
        is_known = stream in self.sent
        self.wishes[stream] = wish
        self.quiet_until.pop(stream, None)
        if is_known and after is None:
            # Only the wish changes: what was not sent yet is looked at with the new one.
            await self.send_json({"subscribed": stream, "number": self.hub.newest(stream)})
            self.woken.set()
            return
        # Watch first, then read: what is written in between is found by its number.
        newest = await self.hub.watch(stream, self.woken)
        self.sent[stream] = newest if after is None else after
        await self.send_json({"subscribed": stream, "number": newest})
        if self.sent[stream] > newest and self.sent[stream] > await self.hub.look(stream):
            # Numbers that we never gave (of a database that is no more) would be waited for.
            await self._tell_gap(stream, 1, newest)
        self.woken.set()

    def _leave(self, stream: str) -> None:
        self.wishes.pop(stream, None)
        if self.sent.pop(stream, None) is not None:
            self.hub.leave(stream, self.woken)

    async def _speak(self) -> None:
        """Send until the client is gone. A link that cannot go on is closed, for the page makes
        another only then; a database that is away is waited for."""
        while True:
            try:
                return await self._send()
            except OSError:  # the client is gone, and its close on the way
                return None
            except Exception as error:
                if db.passing_trouble(error) is None:
                    log.exception("a live link ends")
                    with contextlib.suppress(Exception):
                        await self.close(code=1011)
                    return None
                log.warning("a live link waits: %s", str(error).strip())
                await asyncio.sleep(AGAIN_S)

    async def _send(self) -> None:
        checked_at = time.monotonic()
        heartbeat_at = -HEARTBEAT_S
        while True:
            now = time.monotonic()
            if now - heartbeat_at >= HEARTBEAT_S:
                heartbeat_at = now
                await self._heartbeat()
            if now - checked_at >= SESSION_CHECK_S:
                checked_at = now
                if not await _still_signed_in(self.scope):
                    await self.close(code=4401)
                    return
            with contextlib.suppress(TimeoutError):
                due_at = min([heartbeat_at + HEARTBEAT_S, *self.quiet_until.values()])
                left_s = due_at - time.monotonic()
                await asyncio.wait_for(self.woken.wait(), timeout=max(0.0, left_s))
            self.woken.clear()
            for stream in list(self.sent):
                await self._catch_up(stream)

    async def _catch_up(self, stream: str) -> None:
        newest = self.hub.newest(stream)
        wish = self.wishes.get(stream, wishes.Wish())
        if self._is_quiet(stream, newest, wish):
            return
        while (last := self.sent.get(stream)) is not None and last < newest:
            if newest - last > FAR_BEHIND:
                await self._tell_gap(stream, last + 1, newest)
                return
            events = await self.hub.after(stream, last)
            if not events:
                return
            if events[0]["number"] > last + 1:
                await self._tell_gap(stream, last + 1, events[0]["number"] - 1)
                last = events[0]["number"] - 1
            told = events
            if not wish.is_plain:
                told = wishes.messages(events, wish, streams.part_of(stream), since=last)
            for event in told:
                if self.sent.get(stream) is None:
                    return
                await self.send_json(event)
                self.sent[stream] = event["number"]
            if self.sent.get(stream) is not None:
                self.sent[stream] = events[-1]["number"]

    def _is_quiet(self, stream: str, newest: int, wish: wishes.Wish) -> bool:
        """Say whether nothing is sent of a stream yet, because its client wants to rest. What comes
        meanwhile waits in the database, where a gap is told if it is too much."""
        if not wish.every_s or self.sent.get(stream, newest) >= newest:
            self.quiet_until.pop(stream, None)
            return False
        now = time.monotonic()
        if now < self.heard_at.get(stream, -inf) + wish.every_s:
            self.quiet_until[stream] = self.heard_at[stream] + wish.every_s
            return True
        self.quiet_until.pop(stream, None)
        self.heard_at[stream] = now
        return False

    async def _tell_gap(self, stream: str, first: int, last: int) -> None:
        await self.send_json({"gap": {"stream": stream, "first": first, "last": last}})
        self.sent[stream] = last

    async def _heartbeat(self) -> None:
        reading = await _clock_reading()
        at = reading.at(clock.wall())
        await self.send_json(
            {
                "heartbeat": at.isoformat().replace("+00:00", "Z"),
                "rate": reading.rate,
                "paused": reading.rate == 0,
                "simulated": reading.simulated,
            }
        )


def _session_is_open(scope: dict[str, Any]) -> bool:
    session = scope.get("session")
    is_active = User.objects.filter(pk=scope["user"].pk, is_active=True).exists()
    return is_active and (session is None or session.exists(session.session_key))


# Each call gives its thread's connection back: the threads of a web process outnumber its pool.
_clock_reading = database_sync_to_async(clock.reading, thread_sensitive=False)
_still_signed_in = database_sync_to_async(_session_is_open, thread_sensitive=False)
_may_read = database_sync_to_async(streams.may_read, thread_sensitive=False)

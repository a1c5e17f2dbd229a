"""The fan-out of a web process: one listener for all its websockets.

The hub hears hints on Valkey, reads each stream's new events from the database once, keeps a short
tail of them, and wakes whoever watches the stream. A hint may be lost and Valkey may be away, so
the hub also looks at the counters of the watched streams every second.

A watcher holds nothing but the number it has sent last. It reads on from there at its own pace:
a slow client makes no queue grow, and one that falls too far behind is told its gap.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import redis.asyncio
from channels.db import database_sync_to_async
from django.conf import settings
from redis import RedisError

from ops.live import events
from ops.live.models import Stream

TAIL = 256
"""Events of a stream kept in memory; older ones are read from the database."""
LOOK_EVERY_S = 1.0

log = logging.getLogger(__name__)
_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def current() -> "Hub":
    """Return the hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())


class Hub:
    """Watched streams, their newest numbers and tails."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._last: dict[str, int] = {}
        self._tails: dict[str, deque[dict[str, Any]]] = {}
        self._hinted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def watch(self, stream: str, woken: asyncio.Event) -> int:
        """Set `woken` whenever `stream` moves; return the stream's newest number."""
        self._watchers.setdefault(stream, set()).add(woken)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._look())]
        if stream not in self._last:
            try:
                newest = await self.look(stream)
            except BaseException:
                # Nobody knows of this watcher, and nobody would let go of it.
                self.leave(stream, woken)
                raise
            self._last.setdefault(stream, newest)
        return self._last[stream]

    def leave(self, stream: str, woken: asyncio.Event) -> None:
        """Stop waking `woken`. The hub rests when nobody watches anything."""
        watchers = self._watchers.get(stream, set())
        watchers.discard(woken)
        if not watchers:
            for table in (self._watchers, self._last, self._tails):
                table.pop(stream, None)
        if not self._watchers:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def newest(self, stream: str) -> int:
        return self._last.get(stream, 0)

    async def look(self, stream: str) -> int:
        """Return the number that is the newest by now, whatever the hub has heard of."""
        return (await _newest([stream])).get(stream, 0)

    async def after(self, stream: str, number: int) -> list[dict[str, Any]]:
        """Return the events behind `number`, in order: from the tail, or from the database."""
        tail = self._tails.get(stream)
        if tail and tail[0]["number"] <= number + 1:
            return [event for event in tail if event["number"] > number]
        return await _read(stream, number)

    async def _listen(self) -> None:
        while True:
            try:
                async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as valkey:
                    async with valkey.pubsub() as hints:
                        await hints.subscribe(events.HINTS)
                        async for message in hints.listen():
                            if message["type"] == "message":
                                self._take(orjson.loads(message["data"]))
            except (RedisError, OSError) as error:
                log.warning("live hints are away (%s); looking every second instead", error)
                await asyncio.sleep(LOOK_EVERY_S)

    def _take(self, hint: dict[str, Any]) -> None:
        if hint["stream"] in self._watchers:
            self._hinted.set()

    async def _look(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._hinted.wait(), timeout=LOOK_EVERY_S)
            except TimeoutError:
                pass
            self._hinted.clear()
            try:
                await self._follow()
            except Exception:
                # The database may be restarting. The next look finds what this one missed.
                log.exception("live streams could not be read")
                await asyncio.sleep(LOOK_EVERY_S)

    async def _follow(self) -> None:
        for stream, newest in (await _newest(list(self._watchers))).items():
            known = self._last.get(stream)
            if known is None or newest <= known:
                continue
            tail = self._tails.setdefault(stream, deque(maxlen=TAIL))
            for event in await _read(stream, max(known, newest - TAIL)):
                if not tail or event["number"] == tail[-1]["number"] + 1:
                    tail.append(event)
                elif event["number"] > tail[-1]["number"]:
                    tail.clear()
                    tail.append(event)
            if stream in self._watchers:
                self._last[stream] = newest
            for woken in self._watchers.get(stream, ()):
                woken.set()


def _newest_now(streams: Iterable[str]) -> dict[str, int]:
    return dict(Stream.objects.filter(name__in=streams).values_list("name", "last_number"))


_newest = database_sync_to_async(_newest_now, thread_sensitive=False)
_read = database_sync_to_async(events.after, thread_sensitive=False)

"""Following one answer as it comes down, without holding a thread or a connection meanwhile.

Hints from Valkey say that a question's stream moved; what moved is read from the database by
number. A lost hint costs a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, close_old_connections

from ops import db
from ops.live import events
from uplink.inference import answers, queries
from uplink.inference.answers import Progress

log = logging.getLogger(__name__)
Result = TypeVar("Result")
LOOK_S = 1.0
KEEP_ALIVE_S = 10.0
AGAIN_S = 1.0


async def in_thread(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Run a function that speaks to the database, and give its connection back at once."""
    work = functools.partial(_and_hang_up, function, *args, **kwargs)
    return await sync_to_async(work, thread_sensitive=False)()


def _and_hang_up(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()


async def follow(query_id: UUID, *, after: int = -1) -> AsyncIterator[Progress | None]:
    """Yield what is new behind segment `after` until the question is over; None to keep alive.

    The last thing it yields is over. A database that is away is waited for: whoever reads has been
    told that the answer comes, and it does.
    """
    silent_s = 0.0
    with _hints().of(queries.stream_of(query_id)) as moved:
        while True:
            moved.clear()
            try:
                progress = await in_thread(answers.read, query_id, after=after)
            except Error as error:
                if db.passing_trouble(error) is None:
                    raise
                log.warning("looking again for an answer: %s", str(error).strip())
            else:
                if progress.following > after + 1 or progress.is_over:
                    after, silent_s = progress.following - 1, 0.0
                    yield progress
                if progress.is_over:
                    return
            try:
                async with asyncio.timeout(LOOK_S):
                    await moved.wait()
            except TimeoutError:
                silent_s += LOOK_S
            if silent_s >= KEEP_ALIVE_S:
                silent_s = 0.0
                yield None


class Hints:
    """One subscription of this loop; it passes on which streams moved."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def of(self, stream: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever `stream` may have moved."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())
        moved = asyncio.Event()
        self._waiting[stream].add(moved)
        try:
            yield moved
        finally:
            self._waiting[stream].discard(moved)
            if not self._waiting[stream]:
                del self._waiting[stream]
            if not self._waiting:
                self._task.cancel()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (redis.RedisError, OSError) as error:
                log.warning("no live hints: %s", error)
            await asyncio.sleep(AGAIN_S)

    async def _listen_once(self) -> None:
        client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_timeout=None)
        async with client, client.pubsub() as channel:
            await channel.subscribe(events.HINTS)
            async for message in channel.listen():
                if message["type"] != "message":
                    continue
                for moved in self._waiting.get(json.loads(message["data"])["stream"], ()):
                    moved.set()


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Hints] = WeakKeyDictionary()


def _hints() -> Hints:
    return _of_loop.setdefault(asyncio.get_running_loop(), Hints())

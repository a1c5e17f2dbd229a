"""From the conductor's loop to the database and the broker, and back: blocking work in threads."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import Error, connection

from ops import db
from uplink.conduct.leases import SILENT_S

log = logging.getLogger(__name__)
Result = TypeVar("Result")
DATABASE_THREADS = 6
AGAIN_S = 0.5


class Calls:
    """Threads with a database connection each, and one that speaks to the broker."""

    def __init__(self) -> None:
        self._database = ThreadPoolExecutor(DATABASE_THREADS, thread_name_prefix="conduct-db")
        self._broker = ThreadPoolExecutor(1, thread_name_prefix="conduct-broker")

    async def database(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Run `function` in a thread; what it raises is raised here."""
        work = functools.partial(_with_own_connection, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._database, work)

    async def insist(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """The same, again and again while the database is away. For what may be repeated.

        The second time is at once: it may be this thread's connection alone that broke.
        """
        pause_s = 0.0
        while True:
            try:
                return await self.database(function, *args, **kwargs)
            except Error as error:
                if db.passing_trouble(error) is None:
                    raise
                log.warning("the database is away, trying again: %s", str(error).strip())
                await asyncio.sleep(pause_s)
                pause_s = AGAIN_S

    async def broker(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run `function`, which queues a task; a broker that is away costs time, never work."""
        work = functools.partial(function, *args, **kwargs)
        try:
            await asyncio.get_running_loop().run_in_executor(self._broker, work)
        except Exception as error:  # whatever the transport raises: the reconciler queues it again
            log.warning("nothing was queued: %s", error)

    def close(self) -> None:
        """Let the threads end when they are done."""
        self._database.shutdown(wait=False, cancel_futures=True)
        self._broker.shutdown(wait=False, cancel_futures=True)


def _with_own_connection(function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
    """Run `function` on the thread's connection, which is closed when it turns out to be broken.

    Django would ask the server before each call whether it is there: a question more for every
    batch of frames.
    """
    connection.health_check_done = True
    try:
        if connection.connection is None:
            db.end_if_silent(SILENT_S)
        return function(*args, **kwargs)
    finally:
        connection.close_if_unusable_or_obsolete()

"""The conductor of one worker process: a thread with a loop that flies many contacts.

Started when the first contact is claimed here. It prolongs its leases, listens for calls, and
gives its contacts back when the worker is told to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Awaitable, Iterable
from uuid import uuid4

import psycopg
from django.conf import settings
from django.db import Error, connection

from constellation.contacts.models import State
from uplink.conduct import duties, leases, wake
from uplink.conduct.calls import Calls
from uplink.conduct.flight import Flight
from uplink.conduct.leases import Lease, LeaseLost
from uplink.conduct.missiontime import MissionTime

log = logging.getLogger(__name__)
FLIGHTS_MAX = 60
STOP_S = 5.0
LISTEN_AGAIN_S = 1.0
LOOK_OUT_S = 1.0
"""Wall seconds between two looks for what a call did not tell of."""


class Conductor:
    """See the module. `take` and `stop` may be called from any thread."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._leases: dict[object, Lease] = {}
        self._flights: dict[object, Flight] = {}
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="conductor", daemon=True)

    def start(self) -> None:
        """Start the thread and wait until it takes contacts."""
        self._thread.start()
        self._ready.wait()

    @property
    def room(self) -> int:
        """How many more contacts it would take; none once it is told to stop."""
        return 0 if self._stopping.is_set() else FLIGHTS_MAX - len(self._leases)

    def take(self, claimed: Iterable[Lease]) -> None:
        """Fly these contacts."""
        for lease in claimed:
            self._leases[lease.contact_id] = lease
            self._loop.call_soon_threadsafe(self._launch, lease)

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Give every contact back and end the thread. Safe to repeat."""
        self._stopping.set()
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has just ended by itself
                self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(timeout_s)

    # --- in the thread ---

    def _run(self) -> None:
        try:
            asyncio.run(self._conduct())
        except Exception:
            # Without its conductor a worker is of no use: the leases run out, others take over.
            log.exception("the conductor broke")
        finally:
            self._stopping.set()
            self._ready.set()

    async def _conduct(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._calls = Calls()
        self._clock = MissionTime(self._calls)
        await self._clock.start()
        background = [
            asyncio.create_task(self._clock.follow()),
            asyncio.create_task(self._breathe()),
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._look_out()),
        ]
        self._ready.set()
        ended = asyncio.create_task(self._end.wait())
        done, _ = await asyncio.wait([*background, ended], return_when=asyncio.FIRST_COMPLETED)
        for task in background:
            task.cancel()
        await self._hand_everything_over()
        self._calls.close()
        for task in done:
            task.result()

    def _launch(self, lease: Lease) -> None:
        flight = Flight(
            lease, endpoint=settings.ZENITH_SIMULATOR, calls=self._calls, clock=self._clock
        )
        self._flights[lease.contact_id] = flight
        task = asyncio.create_task(self._fly(flight), name=str(lease.contact_id))
        self._tasks[lease.contact_id] = task

    async def _fly(self, flight: Flight) -> None:
        """Fly one contact; whatever goes wrong with it is no other contact's business."""
        contact_id = flight.lease.contact_id
        try:
            await flight.fly()
        except LeaseLost as lost:
            log.warning("%s", lost)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("the flight of contact %s broke", contact_id)
            await self._quietly(
                self._calls.database(leases.release, [flight.lease], rest_s=leases.REST_S)
            )
        self._forget(contact_id)

    def _forget(self, contact_id: object) -> None:
        for kept in (self._leases, self._flights, self._tasks):
            kept.pop(contact_id, None)

    async def _breathe(self) -> None:
        """Prolong the leases every 3 s; leave what is no longer ours or was called off."""
        while True:
            held = list(self._leases.values())
            try:
                ours = await self._calls.database(leases.renew, held)
            except Error as error:
                log.warning("leases were not renewed: %s", str(error).strip())
                await asyncio.sleep(0.5)
                continue
            for lease in held:
                self._check(lease, ours.get(lease.contact_id))
            await asyncio.sleep(leases.HEARTBEAT_S)

    def _check(self, lease: Lease, state: str | None) -> None:
        flight = self._flights.get(lease.contact_id)
        if flight is None or flight.lease != lease:
            return
        if state is None:
            log.warning("contact %s is not ours any more", lease.contact_id)
            self._tasks[lease.contact_id].cancel()
            self._forget(lease.contact_id)
        elif state == State.CANCELLING:
            flight.cancelled = True

    async def _listen(self) -> None:
        """Pass calls on to the flights: one connection of our own, in autocommit."""
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError) as error:
                log.warning("not listening: %s", str(error).strip())
            await asyncio.sleep(LISTEN_AGAIN_S)

    async def _listen_once(self) -> None:
        known = {"dbname", "user", "password", "host", "port", "connect_timeout", "sslmode"}
        wanted = await self._calls.database(connection.get_connection_params)
        details = {name: value for name, value in wanted.items() if name in known}
        # While this connection lasts, others see that we are there (`leases.GONE_S`).
        details["application_name"] = leases.presence(self.owner)
        async with await psycopg.AsyncConnection.connect(autocommit=True, **details) as listener:
            await listener.execute(f"LISTEN {wake.CHANNEL}")
            self._call(None)  # whatever was said while nobody listened
            async for notification in listener.notifies():
                self._call(notification.payload)

    async def _look_out(self) -> None:
        """Call those flights every second for which there may be something to do."""
        while True:
            await asyncio.sleep(LOOK_OUT_S)
            flown = {flight.lease.satellite_id for flight in self._flights.values()}
            if not flown:
                continue
            try:
                wanting = await self._calls.database(duties.wanting, flown)
            except Error as error:
                log.debug("nobody looked out: %s", str(error).strip())
                continue
            for flight in self._flights.values():
                if flight.lease.satellite_id in wanting:
                    flight.called.set()

    def _call(self, satellite: str | None) -> None:
        for flight in self._flights.values():
            if satellite is None or str(flight.lease.satellite_id) == satellite:
                flight.called.set()

    async def _hand_everything_over(self) -> None:
        """Stop flying, keep what was done, and free the contacts for others at once."""
        flights, tasks = list(self._flights.values()), list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for flight in flights:
            await self._quietly(flight.hand_over())
        held = list(self._leases.values())
        await self._quietly(self._calls.database(leases.release, held))
        if held:
            log.info("%d contacts handed over", len(held))

    @staticmethod
    async def _quietly(work: Awaitable[object]) -> None:
        """Finish one thing on the way out; the leases run out in any case."""
        try:
            await asyncio.wait_for(work, STOP_S / 2)
        except (Error, LeaseLost, TimeoutError) as error:
            log.warning("not done on the way out: %s", error)


_here: Conductor | None = None
_starting = threading.Lock()


def here() -> Conductor:
    """Return this process's conductor, started when it is asked for first."""
    global _here
    with _starting:
        if _here is None or (not _here._thread.is_alive() and not _told_to_stop):
            owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
            _here = Conductor(owner)
            _here.start()
        return _here


_told_to_stop = False


def stop() -> None:
    """Stop this process's conductor, if there is one, and start no other."""
    global _told_to_stop
    _told_to_stop = True
    if _here is not None:
        _here.stop()

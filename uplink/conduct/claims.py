"""Telecommands between database and link: claimed there, and settled when the link is over."""

from __future__ import annotations

import asyncio
import logging

from django.db import Error

from ops import db
from uplink.commands.release import Claimed
from uplink.conduct import duties
from uplink.conduct.calls import AGAIN_S, Calls
from uplink.conduct.commanding import Commander
from uplink.conduct.leases import Lease
from uplink.conduct.missiontime import MissionTime

log = logging.getLogger(__name__)

SETTLE_S = 4.0
"""Wall seconds in which the telecommands of a link that ended are settled."""


class Claims:
    """What one contact claimed for the link that is open. Lives in the conductor's loop."""

    def __init__(self, lease: Lease, calls: Calls, clock: MissionTime) -> None:
        self._lease, self._calls, self._clock = lease, calls, clock
        self._claimed: list[Claimed] = []
        self._gathering: asyncio.Future[duties.Gathered] | None = None

    async def gather(self, commander: Commander) -> duties.Gathered:
        """Claim and collect what is to be sent, again and again while the database is away.

        When the link ends meanwhile, one attempt goes on in its thread: `settle` waits for it.
        """
        while True:
            attempt = self._calls.database(
                duties.gather,
                self._lease,
                now=self._clock.now(),
                rate=self._clock.rate,
                commands_most=commander.claims(self._clock.now_s),
                relays=commander.is_heard,
                note=self._claimed.append,
            )
            self._gathering = asyncio.ensure_future(attempt)
            try:
                return await asyncio.shield(self._gathering)
            except Error as error:
                if db.passing_trouble(error) is None:
                    raise
                log.warning("the database is away, trying again: %s", str(error).strip())
                await asyncio.sleep(AGAIN_S)

    async def settle(self, begun: set[object]) -> None:
        """Let telecommands wait again that were claimed and that the link did not take; `begun`
        holds those that it may have taken.

        With the database away for long they stay SENDING: what others hand on until it is due,
        the rest for a person to judge.
        """
        if self._gathering is not None:
            await asyncio.gather(self._gathering, return_exceptions=True)  # it may claim still
            self._gathering = None
        claimed, self._claimed = self._claimed, []
        if not claimed:
            return
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._calls.insist(
                    duties.settle_commands, claimed, begun, now=self._clock.now()
                )
        except TimeoutError:
            log.error("nobody knows what became of telecommands of %s", self._lease.contact_id)

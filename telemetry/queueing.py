"""Asking for what waits of a contact to be decoded: one message a contact in each queue.

While a message waits, what comes meanwhile is decoded with it, at little more than the price of
one batch; a message for each batch would have it decoded piece by piece, the slower the more there
is. A mark in Valkey says that a message waits. It is taken away before the first look at what
there is, so that nothing stored after that look goes without a message of its own; lost with its
message it runs out by itself.
"""

from __future__ import annotations

import logging
from functools import cache
from uuid import UUID

import redis
from celery import current_app
from django.conf import settings

log = logging.getLogger(__name__)
DECODING, ANSWERS = "decoding", "answers"
TASK = "telemetry.tasks.decode_reception"
EXPIRES_S = 30
WAITS_MOST_S = {DECODING: 8, ANSWERS: 2}
"""Wall seconds after which another message is sent, whatever became of the one before."""


def ask(contact_id: UUID, *, queue: str = DECODING) -> None:
    """Have a worker decode what is stored of a contact, unless a message in `queue` asks already.

    Raises what the broker raises when it is away.
    """
    if _is_first(contact_id, queue):
        current_app.send_task(
            TASK,
            kwargs={"contact_id": str(contact_id), "queue": queue},
            queue=queue,
            expires=EXPIRES_S,
            retry=False,
        )


def begun(contact_id: UUID, queue: str) -> None:
    """Say that a message was taken up: whoever stores from now on asks anew."""
    try:
        _marks().delete(_mark(contact_id, queue))
    except redis.RedisError as error:
        log.warning("the mark of %s stays for a while: %s", contact_id, error)


def _is_first(contact_id: UUID, queue: str) -> bool:
    try:
        mark, lasts_s = _mark(contact_id, queue), WAITS_MOST_S[queue]
        return bool(_marks().set(mark, 1, nx=True, ex=lasts_s))
    except redis.RedisError as error:
        log.warning("nobody knows whether a message waits for %s: %s", contact_id, error)
        return True


def _mark(contact_id: UUID, queue: str) -> str:
    return f"zenith.asked.{queue}.{contact_id}"


@cache
def _marks() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2.0, socket_connect_timeout=2.0)

"""Writing and reading numbered events.

An event is written in the transaction that makes it true; after the commit a hint on Valkey
(`zenith.live`) says which stream moved. The hint may be lost: readers look again every second.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

import orjson
import redis
from django.conf import settings
from django.db import connection, transaction

from ops.live.models import Event

HINTS = "zenith.live"
KEPT_FOR = timedelta(days=7)
"""How long events can be read again. What they told stays in the tables they told of."""
log = logging.getLogger(__name__)
_hints: redis.Redis | None = None


def publish(stream: str, kind: str, payload: dict[str, Any]) -> int:
    """Write an event into `stream` and return its number.

    Must be called inside the transaction that makes the event true (it opens one otherwise).
    The stream's counter stays locked until that commits, so that numbers appear in order.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO live_stream (name, last_number) VALUES (%s, 1) "
            "ON CONFLICT (name) DO UPDATE SET last_number = live_stream.last_number + 1 "
            "RETURNING last_number",
            [stream],
        )
        (number,) = cursor.fetchone()
        Event.objects.create(stream_id=stream, number=number, kind=kind, payload=payload)
        transaction.on_commit(lambda: _hint(stream, number), robust=True)
    return number


def after(stream: str, number: int, limit: int = 500) -> list[dict[str, Any]]:
    """Return the events of `stream` behind `number`, in order, as dictionaries for a websocket."""
    rows = Event.objects.filter(stream_id=stream, number__gt=number).order_by("number")[:limit]
    return [
        {"stream": stream, "number": row.number, "kind": row.kind, "payload": row.payload}
        for row in rows
    ]


def forget_before(instant: datetime) -> int:
    """Delete the events written before `instant` (wall time) and say how many they were.

    Counters stay: a stream's numbers go on, and a reader that was away too long sees the hole.
    """
    deleted, _ = Event.objects.filter(written_at__lt=instant).delete()
    return deleted


def _hint(stream: str, number: int) -> None:
    global _hints
    try:
        if _hints is None:
            _hints = redis.Redis.from_url(
                settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5
            )
        _hints.publish(HINTS, orjson.dumps({"stream": stream, "number": number}))
    except redis.RedisError as error:
        log.warning("no live hint for %s %d: %s", stream, number, error)

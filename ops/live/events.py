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
from django.db import transaction

from ops.live.models import Event, Pending

HINTS = "zenith.live"
KEPT_FOR = timedelta(days=7)
"""How long events can be read again. What they told stays in the tables they told of."""
log = logging.getLogger(__name__)
_hints: redis.Redis | None = None


def publish(stream: str, kind: str, payload: dict[str, Any]) -> None:
    """Write an event into `stream`, numbered when the transaction that makes it true commits.

    Call it inside that transaction (it opens one otherwise), in any order of streams and with any
    rows locked: counters are locked by the commit alone, in the order of their names.
    """
    with transaction.atomic():
        Pending.objects.create(stream=stream, kind=kind, payload=payload)
        transaction.on_commit(lambda: _hint(stream), robust=True)


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


def _hint(stream: str) -> None:
    global _hints
    try:
        if _hints is None:
            _hints = redis.Redis.from_url(
                settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5
            )
        _hints.publish(HINTS, orjson.dumps({"stream": stream}))
    except redis.RedisError as error:
        log.warning("no live hint for %s: %s", stream, error)

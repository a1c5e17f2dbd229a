"""How long what came down is kept, and its removal, a little at a time.

Ages are days of mission time, set by the operator; 0 is for ever. What is needed is never removed:
batches that are not decoded or were set aside, or that something rejected belongs to; short
segments; roll-ups that are in no wider one yet. Rows go satellite by satellite, so that each
statement stays with one, wherever the tables are distributed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from constellation.models import Satellite
from telemetry import times
from telemetry.archive import rollups

TOGETHER = 2_000
"""Rows that one statement removes: locks are short, and a kill loses little."""
_RULES = {
    "raw_batches": (
        "telemetry_rawbatch",
        """received_ns < %(before)s AND decoded AND failure = '' AND NOT EXISTS (
            SELECT FROM telemetry_rejected WHERE batch_id = telemetry_rawbatch.id)""",
    ),
    "packets": ("telemetry_packet", "received_ns < %(before)s"),
    "segments": ("telemetry_segment", "last_ns < %(before)s AND batch IS NULL"),
    "gaps": ("telemetry_gap", "state <> 'open' AND closed_at < %(before_at)s"),
} | {
    f"rollups_{width_s}": (
        "telemetry_rollup",
        f"end_ns < %(before)s AND NOT is_part AND width_s = {width_s:d}",
    )
    for width_s in rollups.WIDTHS_S
}


def tidy(*, now: datetime, rounds: int = 50) -> dict[str, int]:
    """Remove what is older than its age; return how many rows of each kind went.

    At most `rounds` statements a kind and satellite: what is left goes the next time.
    """
    removed = dict.fromkeys(_RULES, 0)
    satellites = list(Satellite.objects.order_by("pk").values_list("pk", flat=True))
    for kind, (table, condition) in _RULES.items():
        days = settings.ZENITH_KEEP_DAYS.get(kind, 0)
        if not days:
            continue
        before = now - timedelta(days=days)
        told = {"before": times.to_ns(before), "before_at": before}
        for satellite_id in satellites:
            for gone in _remove(table, condition, told | {"satellite": satellite_id}, rounds):
                removed[kind] += gone
    return removed


def _remove(table: str, condition: str, told: dict[str, object], rounds: int) -> Iterator[int]:
    # Table and condition are of the list above; nothing of it comes from outside. The choice is
    # made once: a subquery in IN may be run again for every row, and then removes more.
    sql = (
        f"WITH chosen AS MATERIALIZED (SELECT id FROM {table}"  # noqa: S608
        f" WHERE satellite_id = %(satellite)s AND {condition}"
        f" LIMIT {TOGETHER} FOR UPDATE SKIP LOCKED)"
        f" DELETE FROM {table} AS gone USING chosen"
        " WHERE gone.satellite_id = %(satellite)s AND gone.id = chosen.id"
    )
    for _ in range(rounds):
        with connection.cursor() as cursor:
            cursor.execute(sql, told)
            yield cursor.rowcount
            if cursor.rowcount < TOGETHER:
                return

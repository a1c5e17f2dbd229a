"""A batch entered in the books, in the transaction that decodes it.

The sums come from what was received and from what became of it, each counted by itself: a packet
that is nowhere breaks a constraint, and the batch is set aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import orjson
from django.db import connection
from numpy.typing import NDArray

from telemetry import onboard, times
from telemetry.joining import Joined
from telemetry.ledger import counting
from telemetry.models import Reception
from telemetry.models_ledger import RELAYED_CHANNEL, UNTRUSTED_CHANNEL

_FRAMES = """
    INSERT INTO telemetry_frameaccount AS there
        (satellite_id, reception_id, day, channel, received, used, rejected, reasons, lost,
         corrected_symbols)
    SELECT %s, %s, %s, came.* FROM unnest(
        %s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::jsonb[], %s::bigint[],
        %s::bigint[]) AS came
    ON CONFLICT (satellite_id, reception_id, day, channel) DO UPDATE SET
        received = there.received + EXCLUDED.received,
        used = there.used + EXCLUDED.used,
        rejected = there.rejected + EXCLUDED.rejected,
        reasons = CASE WHEN EXCLUDED.rejected = 0 THEN there.reasons
            ELSE telemetry_counts_sum(there.reasons, EXCLUDED.reasons) END,
        lost = there.lost + EXCLUDED.lost,
        corrected_symbols = there.corrected_symbols + EXCLUDED.corrected_symbols
"""
# Nobody else enters anything for a reception that we hold, so that what stands may be read first.
# Three ways in which the counts of a batch can stand to those before it: they go on (`step` says
# over how many missing ones), they are late and fit in what was missing, or they began anew.
_PACKETS = """
    INSERT INTO telemetry_packetaccount AS there
        (satellite_id, reception_id, day, channel, apid, received, stored, duplicates, rejected,
         reasons, unknown, bytes, expected, heard, last_sequence)
    SELECT %(satellite)s, %(reception)s, %(day)s, came.channel, came.apid, came.received,
        came.stored, came.duplicates, came.rejected, came.reasons, came.unknown, came.bytes,
        coalesce(before.expected, 0) + CASE
            WHEN came.heard = 0 OR NOT came.follows THEN came.heard
            WHEN step.size >= 0 THEN came.span + step.size
            WHEN step.is_late THEN greatest(step.size + came.span, 0)
            ELSE came.span END,
        coalesce(before.heard, 0) + CASE
            WHEN came.heard = 0 OR NOT came.follows OR step.size >= 0 THEN came.heard
            WHEN step.is_late THEN came.fresh
            ELSE came.heard END,
        CASE WHEN came.heard = 0 OR NOT came.follows
                OR step.size < 0 AND step.is_late AND step.size + came.span <= 0
            THEN coalesce(before.last_sequence, -1)
            ELSE came.last END
    FROM unnest(%(channel)s::smallint[], %(apid)s::int[], %(received)s::bigint[],
            %(stored)s::bigint[], %(duplicates)s::bigint[], %(rejected)s::bigint[],
            %(reasons)s::jsonb[], %(unknown)s::bigint[], %(bytes)s::bigint[],
            %(follows)s::boolean[], %(first)s::int[], %(last)s::int[], %(span)s::bigint[],
            %(heard)s::bigint[], %(fresh)s::bigint[])
        AS came(channel, apid, received, stored, duplicates, rejected, reasons, unknown, bytes,
            follows, first, last, span, heard, fresh)
    LEFT JOIN telemetry_packetaccount AS before
        ON before.satellite_id = %(satellite)s AND before.reception_id = %(reception)s
        AND before.day = %(day)s AND before.channel = came.channel AND before.apid = came.apid
    CROSS JOIN LATERAL (
        SELECT CASE WHEN coalesce(before.last_sequence, -1) < 0 THEN 0 ELSE
            (came.first - before.last_sequence - 1 + 24576) %% 16384 - 8192 END AS size) AS steps
    CROSS JOIN LATERAL (
        SELECT steps.size, came.fresh <= coalesce(before.expected - before.heard, 0)
            + greatest(steps.size + came.span, 0) AS is_late) AS step
    ON CONFLICT (satellite_id, reception_id, day, channel, apid) DO UPDATE SET
        received = there.received + EXCLUDED.received,
        stored = there.stored + EXCLUDED.stored,
        duplicates = there.duplicates + EXCLUDED.duplicates,
        rejected = there.rejected + EXCLUDED.rejected,
        reasons = CASE WHEN EXCLUDED.rejected = 0 THEN there.reasons
            ELSE telemetry_counts_sum(there.reasons, EXCLUDED.reasons) END,
        unknown = there.unknown + EXCLUDED.unknown,
        bytes = there.bytes + EXCLUDED.bytes,
        expected = EXCLUDED.expected,
        heard = EXCLUDED.heard,
        last_sequence = EXCLUDED.last_sequence
"""


def key_of(channel: int, packet: bytes) -> int:
    """Return the number by which the books know a packet's channel and APID."""
    return channel * counting.APIDS + ((packet[0] << 8 | packet[1]) & 0x7FF)


def enter_frames(
    reception: Reception,
    batch: Joined,
    *,
    channels: Sequence[int] | NDArray[np.int64],
    faults: Sequence[str],
    lost: dict[int, int],
    corrected: NDArray[np.int64] | None = None,
) -> None:
    """Enter the frames of a batch: their channels, why each cannot be used (or the empty string),
    how many are missing by channel, and how many symbols of each were corrected. Frames with a
    fault are nobody's."""
    is_good = np.array([not fault for fault in faults], bool)
    given = np.asarray(channels, np.int64)
    channel = np.where(is_good, given, UNTRUSTED_CHANNEL)
    wanted = np.union1d(channel, np.array(list(lost), np.int64)).astype(np.int64)
    reasons = counting.reasons_by_key((UNTRUSTED_CHANNEL, fault) for fault in faults if fault)
    used = counting.per_key(channel[is_good], wanted)
    received = counting.per_key(channel, wanted)
    symbols = np.zeros(len(wanted), np.int64)
    if corrected is not None:
        np.add.at(symbols, np.searchsorted(wanted, channel), corrected)
    rejected = [sum(reasons.get(number, {}).values()) for number in wanted.tolist()]
    with connection.cursor() as cursor:
        cursor.execute(
            _FRAMES,
            [
                reception.satellite_id,
                reception.pk,
                _day(batch),
                wanted.tolist(),
                received.tolist(),
                used.tolist(),
                rejected,
                [orjson.dumps(reasons.get(n, {})).decode() for n in wanted.tolist()],
                [lost.get(n, 0) for n in wanted.tolist()],
                symbols.tolist(),
            ],
        )


def enter_packets(
    reception: Reception,
    batch: Joined,
    received: counting.Received,
    *,
    is_good: NDArray[np.bool_],
    stored: NDArray[np.int64],
    duplicates: NDArray[np.int64],
    rejected: Iterable[tuple[int, str]],
    unknown_apids: frozenset[int] | set[int],
) -> None:
    """Enter the packets of a batch: all that were received, and what became of them by key (see
    `key_of`): those stored, those held already, and those rejected with the reason's code.

    Only the counts of good packets, those not rejected, are followed.
    """
    if not len(received.key):
        return
    wanted = np.unique(received.key)
    channel, apid = np.divmod(wanted, counting.APIDS)
    reasons = counting.reasons_by_key(rejected)
    runs = counting.runs(received.key[is_good], received.sequence[is_good])
    at = np.searchsorted(wanted, runs.key)
    fresh = counting.per_key(stored, wanted)
    columns = {
        "received": counting.per_key(received.key, wanted),
        "stored": fresh,
        "duplicates": counting.per_key(duplicates, wanted),
        "rejected": _sums(reasons, wanted),
        "unknown": np.where(np.isin(apid, list(unknown_apids)), fresh, 0),
        "bytes": np.bincount(
            np.searchsorted(wanted, received.key), received.size, len(wanted)
        ).astype(np.int64),
        "first": _spread(runs.first, at, wanted),
        "last": _spread(runs.last, at, wanted),
        "span": _spread(runs.span, at, wanted),
        "fresh": fresh,
    }
    # Of both kinds only some come, in whatever order: their counts do not follow one another.
    follows = ~np.isin(channel, [onboard.DownlinkChannel.PLAYBACK, RELAYED_CHANNEL])
    columns["heard"] = np.where(follows, _spread(runs.heard, at, wanted), fresh)
    with connection.cursor() as cursor:
        cursor.execute(
            _PACKETS,
            {name: column.tolist() for name, column in columns.items()}
            | {
                "satellite": reception.satellite_id,
                "reception": reception.pk,
                "day": _day(batch),
                "channel": channel.tolist(),
                "apid": apid.tolist(),
                "follows": follows.tolist(),
                "reasons": [orjson.dumps(reasons.get(n, {})).decode() for n in wanted.tolist()],
            },
        )


def _day(batch: Joined) -> date:
    return times.from_ns(batch.received_ns).date()


def _sums(reasons: dict[int, dict[str, int]], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([sum(reasons.get(n, {}).values()) for n in wanted.tolist()], np.int64)


def _spread(
    values: NDArray[np.int64], at: NDArray[np.int64], wanted: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a column over all wanted keys of values known for some of them; zero elsewhere."""
    column = np.zeros(len(wanted), np.int64)
    column[at] = values
    return column

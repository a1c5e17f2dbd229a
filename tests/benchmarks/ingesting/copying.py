"""The plain way: one row a sample, by binary COPY, with the index that reading needs."""

from __future__ import annotations

import time

import numpy as np
import psycopg

_ROW = np.dtype(
    [
        *[("fields", ">i2"), ("n1", ">i4"), ("satellite", ">i4"), ("n2", ">i4")],
        *[("parameter", ">i4"), ("n3", ">i4"), ("at", ">i8"), ("n4", ">i4"), ("value", ">f8")],
    ]
)
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
SATELLITES, PARAMETERS = 50, 1000


def measure(url: str, samples: int) -> tuple[float, float]:
    """Return samples a second and bytes a sample of COPY, in transactions of 100,000."""
    batches = [_rows(first, 100_000) for first in range(0, samples, 100_000)]
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TABLE bench_sample (satellite int, parameter int, at timestamptz, value float8)"
        )
        connection.execute("CREATE INDEX ON bench_sample (satellite, parameter, at)")
        connection.commit()
        started_at = time.perf_counter()
        for batch in batches:
            with connection.cursor().copy("COPY bench_sample FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(batch)
            connection.commit()
        took_s = time.perf_counter() - started_at
        size = connection.execute("SELECT pg_total_relation_size('bench_sample')").fetchone()[0]
        connection.execute("DROP TABLE bench_sample")
    n = 100_000 * len(batches)
    return n / took_s, size / n


def _rows(first: int, n: int) -> bytes:
    """Samples in the order in which they come: all parameters of a satellite, then the next."""
    place = np.arange(first, first + n)
    rows = np.zeros(n, _ROW)
    rows["fields"], rows["n1"], rows["n2"], rows["n3"], rows["n4"] = 4, 4, 4, 8, 8
    rows["parameter"] = place % PARAMETERS
    rows["satellite"] = place // PARAMETERS % SATELLITES
    rows["at"] = place // (PARAMETERS * SATELLITES) * 1_000_000
    rows["value"] = np.sin(place)
    return _HEAD + rows.tobytes() + b"\xff\xff"

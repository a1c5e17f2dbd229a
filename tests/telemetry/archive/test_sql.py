"""SQL users read what Python reads, by functions of the database."""

import math
import struct

import numpy as np
import pytest
from django.db import connection

from telemetry.archive import columns, packing, reading, shapes, wide
from telemetry.models import Segment
from tests.factories import make_satellite

pytestmark = pytest.mark.django_db
START_NS = 1_787_400_000 * 10**9


def fetch(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def store(satellite, samples, *, batch=None, quickly=False):
    shapes.keep([samples.shape])
    Segment.objects.create(
        satellite=satellite,
        group="G",
        batch=batch,
        shape_id=samples.shape.digest,
        first_ns=int(samples.generated_ns.min()),
        last_ns=int(samples.generated_ns.max()),
        count=len(samples),
        columns=wide.pack(wide.of(samples), quickly=quickly),
    )


def make_samples(n=100, first=0):
    random = np.random.default_rng(3)
    at = START_NS + np.arange(first, first + n) * 10**9
    drift = 100 + np.cumsum(random.integers(-2, 3, n))
    odd = np.resize(np.array([1.5, -0.25, math.nan, math.inf, 1e-310, 0.1]), n)
    return columns.Samples(
        at,
        at + 5_000_000_000,
        {
            "drift": columns.Column(drift),
            "line": columns.Column(drift, value=0.5 * drift - 1, terms=((0.5, 1), (-1.0, 0))),
            "made": columns.Column(drift, value=np.sqrt(drift)),
            "huge": columns.Column(random.integers(-(2**63), 2**63 - 1, n)),
            "large": columns.Column(random.integers(0, 2**64 - 1, n, np.uint64)),
            "steady": columns.Column(np.arange(n) * 2**40),
            "odd": columns.Column(odd),
            "few": columns.Column(np.resize([0.25, 0.1], n)),
            "mode": columns.Column(drift % 3, labels={0: "OFF", 1: "ON"}),
            "lit": columns.Column(drift % 2, labels={0: False, 1: True}),
            "words": columns.Column(
                [(b"a\0", b"bc", "é".encode())[k % 3] for k in range(n)], is_text=True
            ),
            "octets": columns.Column([bytes([k]) for k in range(n)]),
        },
    )


SAMPLES = """
    SELECT generated_at, received_at, raw, value, label
    FROM telemetry_samples(%s, %s, to_timestamp(%s), to_timestamp(%s))
"""


@pytest.mark.parametrize("quickly", [False, True])
def test_every_kind_of_column_is_read_as_python_reads_it(quickly):
    satellite, samples = make_satellite(), make_samples()
    store(satellite, samples, quickly=quickly)
    span = reading.Span(satellite.pk, "G", START_NS, START_NS + 100 * 10**9)
    for name, held in reading.read_each(span, samples.columns).items():
        found = fetch(SAMPLES, satellite.code, name, START_NS // 10**9, START_NS // 10**9 + 100)
        assert [row[0].timestamp() for row in found] == (held.generated_ns / 1e9).tolist()
        assert [row[1].timestamp() for row in found] == (held.received_ns / 1e9).tolist()
        column = held.columns[name]
        if column.labels is not None:
            assert [row[2] for row in found] == column.raw.tolist()
            wanted = columns.values(column)
            wanted = [str(each).lower() if isinstance(each, bool) else each for each in wanted]
            assert [row[4] for row in found] == wanted
        elif isinstance(column.raw, list):
            assert [row[4] for row in found] == columns.values(column)
        else:
            if column.raw.dtype.kind in "iu":
                assert [int(row[2]) for row in found] == column.raw.tolist()
            wanted = column.raw if column.value is None else column.value
            np.testing.assert_array_equal(
                np.array([row[3] for row in found], float), wanted.astype(float)
            )


def test_short_and_long_segments_are_one_series_cut_at_the_ends():
    satellite = make_satellite()
    store(satellite, make_samples(50))
    store(satellite, make_samples(50, first=50), batch=7, quickly=True)
    store(make_satellite(), make_samples(10))
    first = START_NS // 10**9
    found = fetch(SAMPLES, satellite.code, "steady", first + 40, first + 60)
    assert [row[0].timestamp() - first for row in found] == list(range(40, 60))
    assert fetch(SAMPLES, satellite.code, "no such", first, first + 100) == []
    assert fetch(SAMPLES, "NO-SUCH", "steady", first, first + 100) == []


def test_floats_of_both_sizes_come_out_of_their_octets():
    for value in (0.0, -0.0, 1.0, -2.5, 1e-45, 3.4e38, 1e-308, 5e-324, 1.7e308, 0.1, math.inf):
        forms = [">d"] + ([">f"] if abs(value) < 3.5e38 or math.isinf(value) else [])
        for form in forms:
            octets = struct.pack(form, value)
            ((found,),) = fetch("SELECT telemetry_float(%s)", octets)
            assert struct.pack(form, found) == octets


def test_a_block_is_cut_out_of_a_segment():
    samples = make_samples(20)
    data = wide.pack(wide.of(samples))
    blocks = packing.disassemble(data, samples.shape.blocks)
    for place in (0, 2, len(blocks) - 1):
        ((found,),) = fetch("SELECT telemetry_block(%s, %s)", data, place)
        form, width, base, block = blocks[place]
        assert bytes(found) == bytes([form, width, base]) + block


def test_newest_values_are_a_view():
    assert fetch("SELECT parameter, value FROM telemetry_latest") == []

"""A day of the wide container and a year of the narrow one, and how fast they read."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
from django.db import transaction

from telemetry import definitions, onboard
from telemetry.archive import columns, plots, reading, rolling, shapes, wide, writing
from telemetry.models import Segment
from telemetry.packets import space
from tests import factories
from tests.benchmarks.ingesting import dictionary

DAY_S, YEAR_S = 86_400, 365 * 86_400
EACH = 4_320
"""Samples of a long segment: a twentieth of the day at 1 Hz, three days of the year at 1/min."""
POINTS = 800
_BEGINNING_NS = 1_735_689_600 * 10**9


def measure() -> dict[str, float]:
    """Fill the archive as the compactor does, and return how long reading takes."""
    definition = dictionary.load()
    satellite = factories.make_satellite(code="BENCH-HISTORY")
    _fill(satellite.pk, dictionary.WIDE, definition, DAY_S, 1)
    _fill(satellite.pk, dictionary.NARROW, definition, YEAR_S // 60, 60)
    while rolling.grow():
        pass
    day = reading.Span(satellite.pk, dictionary.WIDE, _BEGINNING_NS, _BEGINNING_NS + DAY_S * 10**9)
    year = reading.Span(
        satellite.pk, dictionary.NARROW, _BEGINNING_NS, _BEGINNING_NS + YEAR_S * 10**9
    )
    name, narrow = "bench_wide_measured_200", "bench_narrow_measured_5"
    assert len(reading.read_each(day, [name])[name]) == DAY_S
    drawn = plots.envelope(year, narrow, points=POINTS)
    assert drawn.source_s == 7_200
    assert drawn.n.sum() == YEAR_S // 60
    return {
        "one_parameter_day_ms": _median_ms(lambda: reading.read_each(day, [name])),
        "plot_year_ms": _median_ms(lambda: plots.envelope(year, narrow, points=POINTS)),
    }


def _median_ms(read: Callable[[], object]) -> float:
    took_s = []
    for _ in range(25):
        started_at_s = time.perf_counter()
        read()
        took_s.append(time.perf_counter() - started_at_s)
    return statistics.median(took_s) * 1000


def _fill(satellite_id: int, container: str, definition, n: int, every_s: int) -> None:
    """Write n samples, `every_s` seconds apart, in long segments with their roll-ups."""
    random = np.random.default_rng(7)
    apid, counts = dictionary.APIDS[container], space.SequenceCounts()
    for first in range(0, n, EACH):
        times = _BEGINNING_NS + np.arange(first, min(first + EACH, n)) * (every_s * 10**9)
        payloads = dictionary.payloads(container, len(times), random)
        packets = [
            space.encode_downlink(
                apid, counts.take(apid), onboard.Secondary(at, 1, 1, 0), payload.tobytes()
            )
            for at, payload in zip(times.tolist(), payloads, strict=True)
        ]
        (table,) = definition.decode(packets)
        samples = writing.samples_of(
            definition, table, times, times + 10**9, definitions.header_parameters()
        )
        _write(rolling.Of(satellite_id, container, writing.GENERATION), samples)


@transaction.atomic
def _write(of: rolling.Of, samples: columns.Samples) -> None:
    shape, whole = samples.shape, wide.of(samples)
    shapes.keep([shape])
    Segment.objects.create(
        satellite_id=of.satellite_id,
        group=of.group,
        generation=of.generation,
        shape_id=shape.digest,
        first_ns=int(samples.generated_ns[0]),
        last_ns=int(samples.generated_ns[-1]),
        count=len(samples),
        columns=wide.pack(whole),
    )
    rolling.add(of, whole)

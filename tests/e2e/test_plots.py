"""Plots over any span in a real browser: samples, a year of roll-ups, and silence as gaps."""

import math
import os

import numpy as np
import pytest

from constellation.models import Satellite
from telemetry.archive import columns, rolling, shapes, wide
from telemetry.models import Segment
from tests.e2e.browsing import violations, wait_until
from tests.factories import NOON

pytestmark = [
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:uvicorn"),
]
PLOT = "document.querySelector('#plot-battery_charge zen-plot')"


def store(satellite, times_s):
    """Charges of a battery over orbits of 95 minutes, slowly worn over the year."""
    at = (np.asarray(times_s) * 1e9).astype(np.int64)
    swing = np.sin(2 * math.pi * np.asarray(times_s) / 5700)
    raw = np.round(8500 + 900 * swing - 4e-5 * (NOON.timestamp() - times_s)).astype(np.int64)
    column = columns.Column(raw, value=raw * 1e-4, terms=((1e-4, 1),))
    samples = columns.Samples(at, at, {"battery_charge": column})
    shapes.keep([samples.shape])
    Segment.objects.create(
        satellite=satellite,
        group="HK_PLATFORM",
        shape_id=samples.shape.digest,
        first_ns=int(at[0]),
        last_ns=int(at[-1]),
        count=len(at),
        columns=wide.pack(wide.of(samples)),
    )
    rolling.add(rolling.Of(satellite.pk, "HK_PLATFORM", 1), wide.of(samples))


def test_plots_show_an_hour_and_a_year_with_their_silences(server, console):
    satellite = Satellite.objects.get(code="SCS-01-A")
    noon_s, day_s = NOON.timestamp(), 86_400
    year = np.arange(noon_s - 360 * day_s, noon_s - day_s, 600)
    silent = (year > noon_s - 200 * day_s) & (year < noon_s - 160 * day_s)
    store(satellite, year[~silent])
    store(satellite, np.arange(noon_s - 1800, noon_s, 10))
    while rolling.grow(parts=1):
        pass

    console.goto(f"{server.url}/satellites/SCS-01-A")
    wait_until(console, f"{PLOT}?.count() >= 180")
    assert console.evaluate(f"{PLOT}.count()") == 180

    console.get_by_label("Span").select_option("year")
    wait_until(console, f"{PLOT}?.count() > 600")
    shown = console.evaluate(f"{PLOT}.plot.data.map((column) => Array.from(column))")
    times, low, high, mean = (np.array(column, float) for column in shown)
    assert len(times) <= 801
    assert (low <= mean).all()
    assert (mean <= high).all()
    assert np.diff(times).max() == pytest.approx(40 * day_s, rel=0.02)
    if folder := os.environ.get("ZENITH_PICTURES"):
        console.screenshot(path=f"{folder}/plots.png")

    console.get_by_role("searchbox", name="Find a parameter").fill("volt")
    console.locator("#value-battery_charge").wait_for(state="detached")
    assert console.locator("#latest tr[id]").count() == 1
    assert console.locator("zen-plot").count() == 4
    assert violations(console) == []

    csv = console.get_by_role("link", name="csv").get_attribute("href")
    answer = console.request.get(f"{server.url}{csv}")
    assert answer.status == 200
    assert len(answer.text().splitlines()) == 1 + len(year[~silent]) + 180

"""Passes of 2,800 real low orbits over 24 stations for a day, beside Skyfield's `find_events`.

All element sets of `tests/reference/elements/leo-2800.tle` over the reference stations, above
10 degrees, with as many processes as the machine has processors and at most two, starting them
included; best of three. In the same run `find_events` is timed, in one process as it is made,
on 240 random pairs (the better of two), and on these each pass is compared. `find_events`
reports a crossing at the end of an interval of up to half a second in which it lies; before
they are compared, its crossings and maxima are closed in on with Skyfield's own altitudes.

Then 10,000 satellites (the same orbits, turned about the pole and moved along) over 100 random
sites for a day, once, to show how the cost grows.
"""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from os import cpu_count
from pathlib import Path

import numpy as np
from skyfield.api import EarthSatellite, wgs84

from constellation.orbits import elements, frames, passes
from constellation.orbits.propagation import Orbits
from tests.benchmarks import timing
from tests.constellation.orbits import fleet

DAY_S = 86_400.0
MARGIN_S = 1_800.0
SAMPLE = 240
SHORTEST_S = 1.0
MASK_DEG = 10.0
WORKERS = min(2, cpu_count() or 1)
CATALOGUE = Path(__file__).parents[1] / "reference" / "elements" / "leo-2800.tle"
START_S, END_S = fleet.NOON_S, fleet.NOON_S + DAY_S
FIELDS = {
    "pair_days_per_s": f"satellite-station-days a second, ours, {WORKERS} processes",
    "skyfield_pair_days_per_s": f"the same by find_events, on {SAMPLE} random pairs",
    "ratio": "the first over the second",
    "one_process_pair_days_per_s": "ours without further processes",
    "one_process_ratio": "that over find_events",
    "cpu_ratio": "the same in processor time instead of time: what a busy machine does not blur",
    "passes": "how many were found",
    "compared": "how many of them, on the sample, were compared with Skyfield",
    "missed": f"passes over {SHORTEST_S:g} s that find_events has and we do not",
    "extra": "passes over that length that we have and whose middle Skyfield sees below the mask",
    "skyfield_missed": "passes over that length that we have, Skyfield's altitudes confirm, and "
    "find_events does not report",
    "max_aos_los_error_s": "greatest difference of AOS or LOS, over passes longer than that",
    "max_elevation_error_deg": "greatest difference of the highest elevation of whole passes",
    "peak_mib": "resident memory at its highest: this process and the greatest of its workers "
    "times their number, added",
    "large_pair_days_per_s": "satellite-station-days a second of 10,000 satellites by 100 sites",
    "large_s": "how long they took",
    "large_passes": "how many passes they have",
    "large_peak_mib": "as peak_mib; the passes are taken a few satellites at a time",
}
Height = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    timing.explain(__doc__, FIELDS)
    taken = elements.parse(CATALOGUE.read_bytes()).taken
    orbits = Orbits([(str(number), each) for number, each in enumerate(taken)])
    stations = [station | {"mask_deg": MASK_DEG} for station in fleet.stations()]
    sites = [fleet.site(station) for station in stations]
    pair_days = len(orbits) * len(sites)

    alone_s = time.process_time()
    one = pair_days / timing.best_s(lambda: passes.find_passes(orbits, sites, START_S, END_S))
    one_cpu = 3.0 * pair_days / (time.process_time() - alone_s)
    together = pair_days / timing.best_s(
        lambda: passes.find_passes(orbits, sites, START_S, END_S, workers=WORKERS)
    )
    found = passes.find_passes(orbits, sites, START_S, END_S, workers=WORKERS).passes
    peak_mib = memory_mib()

    chosen = np.random.default_rng(1).choice(pair_days, SAMPLE, replace=False)
    pairs = [divmod(int(number), len(sites)) for number in chosen]
    times_s = [skyfield_s(pairs, stations) for _ in range(2)]
    skyfield, skyfield_cpu = (SAMPLE / min(column) for column in zip(*times_s, strict=True))
    differences = compared(found, pairs, stations)
    timing.tell(
        pair_days_per_s=together,
        skyfield_pair_days_per_s=skyfield,
        ratio=together / skyfield,
        one_process_pair_days_per_s=one,
        one_process_ratio=one / skyfield,
        cpu_ratio=one_cpu / skyfield_cpu,
        passes=len(found),
        **differences,
        peak_mib=peak_mib,
        **large(taken),
    )


def memory_mib() -> float:
    own, workers = (
        resource.getrusage(who).ru_maxrss / 1_024.0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own + (WORKERS - 1) * workers


def skyfield_satellite(number: int) -> EarthSatellite:
    lines = CATALOGUE.read_text().splitlines()
    return EarthSatellite(lines[3 * number + 1], lines[3 * number + 2], ts=frames.timescale())


def place(station: dict):
    return wgs84.latlon(
        station["latitude_deg"], station["longitude_deg"], elevation_m=station["altitude_m"]
    )


def skyfield_s(pairs: list[tuple[int, int]], stations: list[dict]) -> tuple[float, float]:
    """Return how long `find_events` takes over all pairs, and how much processor time."""
    asked = [(skyfield_satellite(number), place(stations[where])) for number, where in pairs]
    start, end = frames.skyfield_time(START_S), frames.skyfield_time(END_S)
    started_s, before_s = time.perf_counter(), time.process_time()
    for satellite, where in asked:
        satellite.find_events(where, start, end, MASK_DEG)
    return time.perf_counter() - started_s, time.process_time() - before_s


def compared(
    found: passes.Passes, pairs: list[tuple[int, int]], stations: list[dict]
) -> dict[str, float]:
    """Compare our passes of some pairs with Skyfield's."""
    counts = dict.fromkeys(("compared", "missed", "extra", "skyfield_missed"), 0)
    worst_s, worst_deg = 0.0, 0.0
    for number, where in pairs:
        satellite, site = skyfield_satellite(number), place(stations[where])

        def height(at_s, difference=satellite - site):
            return difference.at(frames.skyfield_time(at_s)).altaz()[0].degrees - MASK_DEG

        mine = np.flatnonzero((found.satellite == number) & (found.station == where))
        left = {int(k) for k in mine if found.los_s[k] - found.aos_s[k] > SHORTEST_S}
        for aos_s, los_s in skyfield_passes(satellite, site, height):
            seen_s = max(aos_s, START_S), min(los_s, END_S)
            if seen_s[1] - seen_s[0] <= SHORTEST_S:
                continue
            same = mine[(found.aos_s[mine] < seen_s[1]) & (found.los_s[mine] > seen_s[0])]
            if len(same) != 1:
                counts["missed"] += 1
                continue
            k = int(same[0])
            left.discard(k)
            counts["compared"] += 1
            worst_s = max(worst_s, abs(found.aos_s[k] - seen_s[0]), abs(found.los_s[k] - seen_s[1]))
            if not (found.begun_before[k] or found.ends_after[k]):
                top_deg = highest(height, aos_s, los_s) + MASK_DEG
                worst_deg = max(worst_deg, abs(np.degrees(found.max_elevation_rad[k]) - top_deg))
        for k in left:
            middle_s = np.array([0.5 * (found.aos_s[k] + found.los_s[k])])
            counts["skyfield_missed" if height(middle_s)[0] > 0.0 else "extra"] += 1
    return {**counts, "max_aos_los_error_s": worst_s, "max_elevation_error_deg": worst_deg}


def skyfield_passes(satellite, site, height: Height) -> list[tuple[float, float]]:
    """Return AOS and LOS of the passes that `find_events` reports, closed in on."""
    # It misses a pass whose maximum lies outside of the span: it is asked for more.
    span = (frames.skyfield_time(at_s) for at_s in (START_S - MARGIN_S, END_S + MARGIN_S))
    times, events = satellite.find_events(site, *span, MASK_DEG)
    if not len(events):
        return []
    at_s = np.array([at.timestamp() for at in times.utc_datetime()])
    low_s, high_s = at_s - 0.6, at_s + 0.05
    for _ in range(20):
        middle_s = 0.5 * (low_s + high_s)
        same = np.sign(height(middle_s)) == np.sign(height(low_s))
        low_s, high_s = np.where(same, middle_s, low_s), np.where(same, high_s, middle_s)
    sharp_s = 0.5 * (low_s + high_s)
    rises, sets = np.flatnonzero(events == 0), np.flatnonzero(events == 2)
    pairs = ((rise, sets[sets > rise]) for rise in rises)
    both = [(float(sharp_s[rise]), float(sharp_s[later[0]])) for rise, later in pairs if len(later)]
    return [(aos_s, los_s) for aos_s, los_s in both if los_s > START_S and aos_s < END_S]


def highest(height: Height, aos_s: float, los_s: float) -> float:
    """Return the greatest height in a pass, from ever finer grids."""
    low_s, high_s = aos_s, los_s
    for _ in range(5):
        grid_s = np.linspace(low_s, high_s, 21)
        heights = height(grid_s)
        top = int(np.argmax(heights))
        low_s, high_s = grid_s[max(top - 1, 0)], grid_s[min(top + 1, 20)]
    return float(heights.max())


def large(taken: list[elements.ElementSet]) -> dict[str, float]:
    """Find the passes of 10,000 satellites over 100 sites."""
    drawn = np.random.default_rng(2)
    orbits = Orbits(
        [
            (
                str(number),
                replace(
                    taken[number % len(taken)],
                    node_deg=float(drawn.uniform(0.0, 360.0)),
                    mean_anomaly_deg=float(drawn.uniform(0.0, 360.0)),
                ),
            )
            for number in range(10_000)
        ]
    )
    latitudes_deg = np.degrees(np.arcsin(drawn.uniform(-1.0, 1.0, 100)))
    sites = [
        frames.Site.from_degrees(float(latitude_deg), float(longitude_deg), 0.0, MASK_DEG)
        for latitude_deg, longitude_deg in zip(
            latitudes_deg, drawn.uniform(-180.0, 180.0, 100), strict=True
        )
    ]

    told = set()

    def tell(part: float) -> None:
        tenth = int(10 * part)
        if tenth not in told:
            told.add(tenth)
            print(f"10,000 satellites by 100 sites: {tenth}0 %", file=sys.stderr)

    started_s = time.perf_counter()
    parts = passes.find_in_parts(orbits, sites, START_S, END_S, workers=WORKERS, progress=tell)
    count = sum(len(part.passes) for part in parts)
    took_s = time.perf_counter() - started_s
    return {
        "large_pair_days_per_s": len(orbits) * len(sites) / took_s,
        "large_s": took_s,
        "large_passes": count,
        "large_peak_mib": memory_mib(),
    }


if __name__ == "__main__":
    main()

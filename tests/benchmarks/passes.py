"""Passes of SCS-01 over the stations for a day, beside Skyfield's `find_events` in the same run."""

import random

from skyfield.api import EarthSatellite, wgs84

from constellation.orbits import frames, passes
from tests.benchmarks import timing
from tests.constellation.orbits import fleet

DAY_S = 86_400.0
SAMPLE = 40
FIELDS = {
    "pair_days_per_s": "satellite-station-days a second, ours, one process",
    "skyfield_pair_days_per_s": f"the same by find_events, on {SAMPLE} random pairs",
    "ratio": "the first over the second",
}


def main() -> None:
    timing.explain(__doc__, FIELDS)
    orbits, stations = fleet.orbits(), fleet.stations()
    sites = [fleet.site(station) for station in stations]
    start_s, end_s = fleet.NOON_S, fleet.NOON_S + DAY_S
    ours_s = timing.best_s(lambda: passes.find_passes(orbits, sites, start_s, end_s))
    ours = len(orbits) * len(sites) / ours_s

    start, end = frames.skyfield_time(start_s), frames.skyfield_time(end_s)
    chosen = random.Random(1)
    lines = fleet.TLE.read_text().splitlines()
    satellites = [EarthSatellite(*two) for two in zip(lines[1::3], lines[2::3], strict=True)]
    pairs = [(chosen.choice(satellites), chosen.choice(stations)) for _ in range(SAMPLE)]

    def by_skyfield() -> None:
        for satellite, station in pairs:
            place = wgs84.latlon(station["latitude_deg"], station["longitude_deg"])
            satellite.find_events(place, start, end, station["mask_deg"])

    skyfield = SAMPLE / timing.best_s(by_skyfield)
    timing.tell(pair_days_per_s=ours, skyfield_pair_days_per_s=skyfield, ratio=ours / skyfield)


if __name__ == "__main__":
    main()

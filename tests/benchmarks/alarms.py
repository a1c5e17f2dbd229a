"""Limits over a fleet: what judging a batch costs, and a storm on every satellite at once.

Each satellite's housekeeping is given to the judge as the decoder gives it, on a database of its
own. First nothing is wrong; then all batteries are low; then one cause is read as one line and
acknowledged at once.
"""

import argparse
import os
import time
from uuid import uuid4

import django
import numpy as np

from tests import services
from tests.benchmarks import timing

FIELDS = {
    "satellites": "each with one batch of two groups a round",
    "samples_a_batch": "of both groups",
    "quiet_batch_ms": "judging a batch that nobody minds, with its commit",
    "quiet_batch_statements": "statements of such a batch",
    "storm_s": "all satellites' batches that raise an alarm, one after the other",
    "storm_batch_ms": "of one of them",
    "storm_batch_statements": "statements of one of them",
    "alarms": "raised by the storm",
    "groups_ms": "reading them as lines, with what the members share",
    "lines": "that makes",
    "acknowledge_s": "acknowledging all of them in one call",
    "look_s": "one look at the fleet for silence and staleness",
}


def arrival(satellite_id: int, at_s: float, count: int, charge: float):
    """Return a batch of `count` instants of platform and accelerator."""
    from telemetry.archive import columns, followers

    at_ns = ((at_s + np.arange(count)) * 1e9).astype(np.int64)

    def table(**values: float) -> columns.Samples:
        return columns.Samples(
            at_ns,
            at_ns,
            {
                name: columns.Column(np.zeros(count, np.int64), np.full(count, value))
                for name, value in values.items()
            },
        )

    platform = table(
        battery_charge=charge, bus_voltage=30.0, battery_temperature=18.0, panel_temperature=50.0,
        radiator_temperature=-10.0, structure_temperature=20.0, solar_power=1000.0,
    )  # fmt: skip
    modes = {2: "CONTACT"}
    platform.columns["mode"] = columns.Column(np.full(count, 2), labels=modes)
    platform.columns["sunlight"] = columns.Column(np.full(count, 2), labels={2: "SUN"})
    compute = table(
        accelerator_temperature=30.0, accelerator_power=40.0, token_rate=0.0, queries_queued=0.0,
        queries_running=0.0, ecc_corrected=3.0, ecc_uncorrected=0.0,
    )  # fmt: skip
    tables = {"HK_PLATFORM": platform, "HK_COMPUTE": compute}
    playback = {group: np.zeros(count, bool) for group in tables}
    return followers.Arrival(satellite_id, uuid4(), 1, int(at_ns[-1]), tables, playback)


def measured(satellites: int, count: int) -> dict[str, float]:
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    from constellation.models import Plane, Satellite
    from telemetry.alarms import looking, operating, reference_limits, summary, watching
    from telemetry.alarms.models import Alarm
    from tests.factories import NOON, make_profile

    call_command("migrate", verbosity=0)
    reference_limits.load(NOON)
    profile = make_profile(code="scs-01")
    planes = [
        Plane.objects.create(
            code=f"P-{n}", shell="S", altitude_km=500, inclination_deg=97, raan_deg=n
        )
        for n in range(40)
    ]
    fleet = Satellite.objects.bulk_create(
        Satellite(
            code=f"S-{n:04}", name=f"S {n}", profile=profile, plane=planes[n % 40],
            spacecraft_id=n % 255, entity_id=2 + n,
        )
        for n in range(satellites)
    )  # fmt: skip
    start_s = NOON.timestamp()

    def round_of(number: int, charge: float) -> tuple[float, int]:
        """Judge a batch of every satellite; return how long it took, and one's statements."""
        arrivals = [arrival(s.pk, start_s + number * count, count, charge) for s in fleet]
        started_s = time.perf_counter()
        for each in arrivals[:-1]:
            with transaction.atomic():
                watching.follow(each, now=NOON)
        with CaptureQueriesContext(connection) as statements, transaction.atomic():
            watching.follow(arrivals[-1], now=NOON)
        said = [
            s for s in statements if not s["sql"].startswith(("BEGIN", "COMMIT", "SAVE", "REL"))
        ]
        return time.perf_counter() - started_s, len(said)

    round_of(0, 0.8)
    quiet_s, quiet_statements = round_of(1, 0.8)
    storm_s, storm_statements = round_of(2, 0.2)
    alarms = list(Alarm.objects.values_list("pk", flat=True))
    groups_s = timing.best_s(summary.groups)
    started_s = time.perf_counter()
    operating.acknowledge(alarms, by="benchmark", now=NOON)
    acknowledge_s = time.perf_counter() - started_s
    return {
        "satellites": satellites,
        "samples_a_batch": count * 16,
        "quiet_batch_ms": 1e3 * quiet_s / satellites,
        "quiet_batch_statements": quiet_statements,
        "storm_s": storm_s,
        "storm_batch_ms": 1e3 * storm_s / satellites,
        "storm_batch_statements": storm_statements,
        "alarms": len(alarms),
        "groups_ms": 1e3 * groups_s,
        "lines": len(summary.groups()),
        "acknowledge_s": acknowledge_s,
        "look_s": timing.best_s(lambda: looking.look(now=NOON, rate=1.0)),
    }


def main() -> None:
    meanings = "\n".join(f"  {name}: {meaning}" for name, meaning in FIELDS.items())
    parser = argparse.ArgumentParser(
        description=f"{__doc__}\n\nFields:\n{meanings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--satellites", type=int, default=2_800)
    parser.add_argument("--instants", type=int, default=30, help="of each group in a batch")
    chosen = parser.parse_args()
    chosen_services = services.prepare()
    try:
        services.start(chosen_services)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ops.settings")
        django.setup()
        timing.tell(**measured(chosen.satellites, chosen.instants))
    finally:
        services.stop(chosen_services)


if __name__ == "__main__":
    main()

"""The simulated satellites against the limits that Zenith starts with: a day of normal flight
raises nothing, and each thing that can go wrong raises what it should."""

from functools import cache

import numpy as np
import orjson
import pytest

from constellation.simulator import fleet, space
from constellation.simulator.board import housekeeping
from constellation.simulator.board.troubles import NONE, Troubles
from telemetry import definitions, onboard
from telemetry.alarms import evaluation, limit_reading, reference_limits
from telemetry.archive import writing
from telemetry.packets import space as packets
from tests.factories import NOON

CODE, START_S = "SCS-01-A", NOON.timestamp()


@cache
def lights(start_s: float, count: int, step_s: float):
    flown = space.Space(fleet.load(None), 1)
    return flown.light(CODE, start_s + step_s * np.arange(count)).tolist()


def plan():
    said = orjson.loads(reference_limits.REFERENCE.read_bytes())
    groups = definitions.groups()
    return evaluation.Plan.of(
        [
            evaluation.compile_rule(
                each["name"],
                each["parameter"],
                groups[each["parameter"]],
                limit_reading.read(each["content"]),
            )
            for each in said["limits"]
        ],
        groups,
    )


def fly(count, step_s, troubles=NONE, *, start_s=START_S):
    """Return the alarms (rule, level) that a flight raises, half of each hour at work."""
    judge, memory, raised = plan(), evaluation.Memory(), {}
    condition = housekeeping.Condition(at_s=start_s - step_s)
    made = []
    for n, light in enumerate(lights(start_s, count, step_s)):
        at_s = start_s + n * step_s
        is_busy = at_s % 3600 < 1800
        activity = housekeeping.Activity(
            boot_s=start_s - 100,
            in_contact=True,
            running=int(is_busy),
            tokens_per_s=20.0 * is_busy,
            neighbours=() if troubles.lasers_down else (3, 4),
            troubles=troubles,
        )
        drawn = housekeeping.draws(1, CODE, at_s)
        condition = housekeeping.step(condition, at_s, light=light, activity=activity, drawn=drawn)
        made += housekeeping.packets(condition, light=light, activity=activity, drawn=drawn)
    for first in range(0, len(made), 300):
        tables = decoded(made[first : first + 300])
        found = evaluation.evaluate(
            judge, tables, memory, lambda _, at_ns: np.zeros(len(at_ns), bool)
        )
        for change in found:
            raised[change.rule.key] = max(raised.get(change.rule.key, 0), change.level)
    return raised


def decoded(made):
    definition = definitions.current()
    counts = packets.SequenceCounts()
    data = [
        packets.encode_downlink(
            apid, counts.take(apid), onboard.Secondary(at_ns, 1, 1, serial), payload
        )
        for serial, (apid, at_ns, payload) in enumerate(made)
    ]
    times_ns = [at_ns for _, at_ns, _ in made]
    return {
        table.container: writing.samples_of(
            definition, table, times_ns, times_ns, definitions.header_parameters()
        )
        for table in definition.decode(data)
    }


def test_a_day_of_normal_flight_raises_nothing():
    assert {0, 2} <= set(lights(START_S, 2_880, 30.0))
    assert fly(2_880, 30.0) == {}


def test_ten_minutes_in_contact_raise_nothing():
    assert fly(600, 1.0) == {}


@pytest.mark.parametrize(
    ("troubles", "rule", "level"),
    [
        (Troubles(heat_c=40.0), "Accelerator temperature", 4),
        (Troubles(power_w=50.0), "Accelerator power cap", 3),
        (Troubles(corrected_per_s=1.0), "Corrected memory errors (SEU rate)", 3),
        (Troubles(uncorrected_per_s=0.05), "Uncorrected memory errors", 3),
        (Troubles(charge_most=0.2), "Battery charge", 3),
        (Troubles(panels_share=0.4), "Solar power in sunlight", 3),
        (Troubles(lasers_down=1.0), "Laser links", 2),
    ],
)
def test_what_goes_wrong_raises_what_it_should(troubles, rule, level):
    raised = fly(300, 1.0, troubles)

    assert raised[rule] >= level
    related = {"Battery charge": {"Bus voltage"}}.get(rule, set())
    assert set(raised) <= {rule, "Accelerator temperature"} | related

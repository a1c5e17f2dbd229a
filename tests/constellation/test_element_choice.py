"""Which element set counts when: priority, expiry, ephemerides, states, and what became of each."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from constellation import catalogue, fleet_file, fleet_plan, intake, validation, visibility
from constellation.models import ElementSet, ElementState, Satellite
from constellation.orbits import elements, omm
from ops import errors
from tests.constellation.orbits import fleet as reference
from tests.constellation.orbits import oems
from tests.factories import NOON

DAY = timedelta(days=1)
MEAN = reference.element_sets()[0]
"""SCS-01 A at 2026-08-21T19:03:38Z."""


@pytest.fixture
def a(db):
    catalogue.load_reference(NOON)
    return Satellite.objects.get(code="SCS-01-A")


def take(*sets, now=NOON, **details):
    details = {"file_id": uuid4(), "source": "operator", "now": now, **details}
    data = details.pop("data", None) or omm.to_json(sets)
    file, _ = intake.take_file(data=data, **details)
    return file


def later(hours, **changes):
    return replace(MEAN, epoch_at=MEAN.epoch_at + timedelta(hours=hours), **changes)


def of_record(satellite, at=NOON):
    return next(iter(catalogue.elements_of_record(at, [satellite])), None)


def test_the_higher_priority_goes_before_the_newer_epoch(a):
    take(later(2), priority=100)
    take(later(9), priority=0, source="public")

    assert of_record(a).source == "operator"
    file = take(later(10), priority=0, source="public")
    assert file.taken == []
    assert "which has priority 100 and this 0; it is kept in the history" in file.kept[0]


def test_what_an_operator_gives_expires_and_the_public_one_counts_again(a):
    take(later(2), priority=100)
    row = of_record(a)
    assert row.expires_at == row.epoch_at + timedelta(days=14)

    at = row.expires_at
    assert of_record(a, at).source == "reference"
    assert of_record(a, at - timedelta(seconds=1)) == row
    assert validation.expire(at) == 1
    row.refresh_from_db()
    assert row.state == ElementState.EXPIRED
    # A replay of the time before sees what was flown then.
    assert of_record(a, at - timedelta(seconds=1)) == row
    public = of_record(a, at)
    assert public.drift["against"] == row.pk
    assert public.contacts_checked is False
    assert validation.expire(at) == 0


def test_between_equals_the_newest_counts(a):
    take(later(2), priority=7)
    take(later(1), priority=7)
    assert of_record(a).epoch_at == later(2).epoch_at
    take(later(2, mean_anomaly_deg=11.0), priority=7)
    assert of_record(a).omm["MEAN_ANOMALY"] == 11.0


def test_a_disabled_one_is_not_flown(a):
    file = take(later(2))
    ElementSet.objects.filter(file=file).update(state=ElementState.DISABLED)
    assert of_record(a).source == "reference"
    assert "already, disabled" in take(later(2)).refused[0]


def test_an_epoch_ahead_counts_from_then_on(a):
    file = take(later(24))
    assert file.taken == ["SCS-01-A"]
    assert of_record(a).source == "reference"
    assert of_record(a, later(24).epoch_at).source == "operator"
    row = ElementSet.objects.get(file=file)
    assert row.contacts_checked is False
    assert row.drift["against"] == of_record(a).pk


def test_an_epoch_far_ahead_is_wrong_and_kept_with_its_reason(a):
    file = take(later(24 * 40))
    assert "days ahead of 2026-08-22T12:00:00Z; right is at most 30 days ahead" in file.refused[0]
    row = ElementSet.objects.get(file=file)
    assert (row.satellite, row.state) == (a, ElementState.INVALID)
    assert row.reason in file.refused[0]
    assert "MEAN_MOTION = " in row.given
    take(later(24 * 40))
    assert ElementSet.objects.filter(state=ElementState.INVALID).count() == 1


def test_what_sgp4_refuses_is_invalid_and_says_why(a):
    file = take(later(2, eccentricity=0.3, mean_anomaly_deg=0.0))
    assert "SGP4 refuses it" in file.refused[0]
    row = ElementSet.objects.get(file=file)
    assert (row.state, row.omm["ECCENTRICITY"]) == (ElementState.INVALID, 0.3)
    assert of_record(a).source == "reference"


def test_a_check_that_fails_is_an_error_and_spares_the_rest(a, monkeypatch):
    orbit = catalogue.orbit

    def fragile(row):
        if row.satellite.code == "SCS-01-A" and row.source == "operator":
            raise RuntimeError("the table fell over")
        return orbit(row)

    monkeypatch.setattr(catalogue, "orbit", fragile)
    other = replace(reference.element_sets()[1], epoch_at=NOON - timedelta(hours=1))
    file = take(later(2), other)
    assert file.taken == ["SCS-01-B"]
    row = ElementSet.objects.get(file=file, satellite=a)
    assert row.state == ElementState.ERROR
    assert row.reason == "it could not be checked: RuntimeError: the table fell over"


def test_what_a_process_that_died_left_is_judged_by_the_tick(a, monkeypatch):
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(validation, "judge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        take(later(2))
    row = ElementSet.objects.get(source="operator")
    assert row.state == ElementState.VALIDATING
    assert of_record(a).source == "reference"

    assert validation.judge_what_was_left(NOON) == 1
    assert of_record(a) == row


def test_the_same_file_under_the_same_id_changes_nothing(a):
    file_id = uuid4()
    first = take(later(2), file_id=file_id)
    again = take(later(2), file_id=file_id)
    assert (again.pk, again.taken) == (first.pk, ["SCS-01-A"])
    assert ElementSet.objects.filter(source="operator").count() == 1
    with pytest.raises(errors.IdReused):
        take(later(3), file_id=file_id)


def test_a_whole_catalogue_on_one_line_is_taken(a):
    sets = [
        replace(each, epoch_at=NOON - timedelta(minutes=5)) for each in reference.element_sets()
    ]
    data = b"[" + b",".join(omm.to_json([each]).strip()[2:-2] for each in sets) + b"]"
    assert len(take(data=data).taken) == 13


def test_drift_is_told_at_the_epoch_and_over_the_day(a):
    # A hundredth of a degree of anomaly ahead, at 6,900 km, is 1.2 km along the track and
    # 0.158 s at 15.2 turns a day; the old set is behind. The epochs are the same.
    ahead = replace(MEAN, mean_anomaly_deg=MEAN.mean_anomaly_deg + 0.01)
    file = take(ahead)
    found = ElementSet.objects.get(file=file).drift

    assert found["at_epoch"]["along_s"] == pytest.approx(-0.158, abs=0.002)
    assert found["at_epoch"]["along_m"] == pytest.approx(-1_200, abs=15)
    assert abs(found["at_epoch"]["radial_m"]) < 10
    assert abs(found["at_epoch"]["cross_m"]) < 1
    assert found["over_day"]["distance_m"] == pytest.approx(1_200, abs=30)
    assert found["from"] == "2026-08-21T19:03:38.061792Z"


def ephemeris(start=NOON, hours=6, created="2026-08-22T10:00:00", **meta):
    lines = oems.states(start.timestamp(), count=int(hours * 60) + 1)
    return oems.message(oems.segment(lines, **meta), created=created).encode()


def test_an_ephemeris_is_flown_where_it_is_useable_and_the_elements_elsewhere(a):
    file = take(data=ephemeris(start=NOON - timedelta(hours=1)))
    assert (file.taken, file.refused) == (["SCS-01-A"], [])

    row = of_record(a)
    assert (row.kind, row.otherwise.source) == ("EPHEMERIS", "reference")
    assert of_record(a, NOON + timedelta(hours=5)).kind == "MEAN"
    assert of_record(a, NOON - timedelta(hours=1, seconds=1)).kind == "MEAN"
    at_s = np.array([NOON.timestamp() + hours * 3_600 for hours in (0.0, 4.9, 12.0)])
    states = catalogue.orbits([row]).states(at_s)
    assert states.refused == {}
    true = oems.true_states(at_s)[:, :3] * 1_000
    assert np.abs(states.position_m[0] - true).max() < 0.05


def test_between_ephemerides_the_one_made_last_counts(a):
    take(data=ephemeris(created="2026-08-22T11:00:00"))
    take(data=ephemeris(hours=5, created="2026-08-22T10:00:00"))
    assert of_record(a).expires_at == NOON + timedelta(hours=6)
    # What says that it was made in the future is as new as its coming.
    take(data=ephemeris(hours=4, created="2036-08-22T10:00:00"), now=NOON + timedelta(minutes=1))
    take(data=ephemeris(hours=3, created="2026-08-22T12:02:00"), now=NOON + timedelta(minutes=3))
    at = NOON + timedelta(minutes=4)
    assert of_record(a, at).expires_at == NOON + timedelta(hours=3)


def test_a_number_stands_for_what_is_flown(a):
    plain = of_record(a)
    assert catalogue.orbit_key(plain) == plain.pk
    take(data=ephemeris())
    first = catalogue.orbit_key(of_record(a))
    assert first < 0
    take(later(3), priority=1)
    assert catalogue.orbit_key(of_record(a)) not in (first, plain.pk)


def test_the_planner_and_the_map_fly_an_ephemeris(a):
    before = visibility.passes_between(NOON, NOON + DAY, satellites=[a]).passes
    # The same orbit twelve hours long, a minute late.
    lines = oems.states((NOON - timedelta(minutes=10)).timestamp(), count=721)
    late = []
    for line in lines:
        epoch, rest = line.split(" ", 1)
        late.append(f"{oems.epoch(datetime.fromisoformat(epoch + 'Z').timestamp() + 60)} {rest}")
    take(data=oems.message(oems.segment(late)).encode())

    after = visibility.passes_between(NOON, NOON + DAY, satellites=[a]).passes
    shifts = [
        (new.tca_at - old.tca_at).total_seconds()
        for old, new in zip(before, after, strict=False)
        if new.los_at < NOON + timedelta(hours=11) and new.station == old.station
    ]
    assert len(shifts) > 5
    # In the fixed frame a whole minute late, so the same pass a minute later.
    assert shifts == pytest.approx([60.0] * len(shifts), abs=0.1)


def test_the_simulator_is_given_mean_elements_alone(a, tmp_path):
    import orjson

    take(data=ephemeris())
    assert fleet_file.write(tmp_path / "fleet.json", NOON) == 13
    written = orjson.loads((tmp_path / "fleet.json").read_bytes())["satellites"]
    assert all(each["omm"]["MEAN_MOTION"] for each in written)


def test_the_record_of_2800_is_read_in_a_few_queries_by_an_index(db):
    fleet_plan.plan_fleet(NOON)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(catalogue.elements_of_record(NOON)) == 2_800
    assert len(queries) <= 3
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE constellation_elementset")
        cursor.execute("EXPLAIN " + queries[0]["sql"])
        assert "element_set_choice" in "".join(line for (line,) in cursor.fetchall())


def test_public_sets_are_flown_in_every_form_and_without_a_number(a):
    nameless = replace(later(1), catalogue_number="")
    assert take(nameless).taken == ["SCS-01-A"]
    bare = replace(later(2), catalogue_number="", object_id="")
    assert take(bare).taken == ["SCS-01-A"]
    long = replace(later(3), catalogue_number="123456789")
    assert "no satellite of the fleet is 123456789" in take(long).refused[0]
    Satellite.objects.filter(pk=a.pk).update(catalogue_number=123_456_789)
    assert take(long).taken == ["SCS-01-A"]
    assert elements.parse(omm.to_json([long])).taken == [long]

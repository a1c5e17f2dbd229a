"""The reference fleet, and which element sets are taken."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from constellation import catalogue, intake
from constellation.models import (
    Antenna,
    ElementFile,
    ElementSet,
    ElementState,
    Satellite,
    Station,
)
from constellation.orbits import tle
from ops.live import streams
from tests.factories import NOON, make_element_set, make_satellite, make_user
from tests.live import events_of

TEXT = (catalogue.REFERENCE / "computing-satellites.tle").read_text()
FIRST = TEXT.splitlines()[:3]


def aged(days, lines=FIRST):
    """Return a TLE with its epoch moved by whole days."""
    moved = f"{lines[1][:20]}{int(lines[1][20:23]) + days:03d}{lines[1][23:68]}"
    return f"{lines[0]}\n{moved}{tle.checksum(moved)}\n{lines[2]}\n"


@pytest.fixture
def fleet(db):
    catalogue.load_reference(NOON)


def counts():
    return [model.objects.count() for model in (Satellite, Station, Antenna, ElementSet)]


def test_the_reference_fleet_is_loaded_once(fleet):
    assert counts() == [13, 24, 44, 13]
    catalogue.load_reference(NOON + timedelta(days=1))
    assert counts() == [13, 24, 44, 13]
    assert len(ElementFile.objects.get().taken) == 13

    first = Satellite.objects.get(code="SCS-01-A")
    assert (first.catalogue_number, first.international_designator) == (63982, "2025-100A")
    assert (first.profile.tops, first.profile.isl_bit_per_s) == (744, 100_000_000_000)
    assert first.role == "inference"
    assert Satellite.objects.get(code="STARCLOUD-1").profile.code == "nvidia-h100"
    twelve = Satellite.objects.filter(profile__code="scs-01")
    assert sum(each.profile.storage_bytes for each in twelve) == 30_000_000_000_000
    assert len(set(Satellite.objects.values_list("entity_id", flat=True))) == 13


def test_reference_orbits_of_the_future_are_taken_when_their_time_has_come(db):
    catalogue.load_reference(NOON - timedelta(days=90))
    assert not ElementSet.objects.exclude(state="INVALID").exists()

    catalogue.load_reference(NOON)

    assert ElementSet.objects.exclude(state="INVALID").count() == 13


def test_an_operators_changes_survive_loading_again(fleet):
    Antenna.objects.filter(code="MIY-1").update(is_active=False)
    catalogue.load_reference(NOON)
    assert not Antenna.objects.get(code="MIY-1").is_active


def test_a_newer_element_set_supersedes(fleet):
    loaded = intake.load_elements(aged(1).encode(), source="test", priority=0, now=NOON)

    assert (loaded.taken, loaded.refused) == (["SCS-01-A"], [])
    event = events_of("fleet").latest("number")
    assert (event.kind, event.payload["satellites"]) == ("elements", ["SCS-01-A"])
    states = ElementSet.objects.filter(satellite__code="SCS-01-A").order_by("epoch_at")
    assert [each.state for each in states] == [ElementState.ENABLED, ElementState.ENABLED]
    (row,) = catalogue.elements_of_record(NOON + timedelta(days=1), [states[0].satellite])
    assert row == states[1]


def test_each_that_is_not_taken_gets_a_line_and_the_rest_is_taken(fleet):
    unknown = "1 25544U 98067A   26234.51782528  .00002182  00000+0  48000-4 0  999"
    lines = [
        *aged(-1).splitlines(),
        "ISS",
        f"{unknown}{tle.checksum(unknown)}",
        "2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537",
        *aged(1, TEXT.splitlines()[3:6]).splitlines(),
    ]
    lines[-1] = lines[-1][:-1] + "0"

    loaded = intake.load_elements(
        ("\n".join(lines) + "\n" + aged(1, TEXT.splitlines()[6:9])).encode(),
        source="test",
        priority=0,
        now=NOON,
    )

    assert loaded.taken == ["SCS-01-C"]
    assert loaded.kept == [
        (
            "line 2 (SCS-01 A): the epoch 2026-08-20T19:03:38Z is older than SCS-01-A's on "
            "record, 2026-08-21T19:03:38Z; it is kept in the history"
        )
    ]
    assert loaded.refused == [
        "line 5 (ISS): no satellite of the fleet is 25544",
        "line 8 (SCS-01 B): line 2 ends in the checksum 0; right is 3",
    ]


def test_the_same_file_again_takes_nothing_and_says_so(fleet):
    loaded = intake.load_elements(TEXT.encode(), source="test", priority=0, now=NOON)
    assert loaded.taken == []
    assert "SCS-01-A has the element set of 2026-08-21T19:03:38Z already" in loaded.refused[0]


def test_the_element_set_of_record_is_the_newest_not_after_the_instant(fleet):
    a = Satellite.objects.get(code="SCS-01-A")
    intake.load_elements(aged(3).encode(), source="test", priority=0, now=NOON)
    first, second = ElementSet.objects.filter(satellite=a).order_by("epoch_at")

    def at(instant):
        (row,) = catalogue.elements_of_record(instant, [a])
        return row

    assert at(NOON) == first
    assert at(second.epoch_at) == second
    assert at(first.epoch_at - timedelta(days=9)) == first
    ElementSet.objects.filter(pk=second.pk).update(state=ElementState.DISABLED)
    assert at(NOON + timedelta(days=9)) == first


def test_elements_of_record_come_by_code_with_their_orbits(fleet):
    make_satellite(code="A-WITHOUT-ELEMENTS")
    resting = make_satellite(code="A-RESTING", is_active=False)
    make_element_set(satellite=resting)

    rows = catalogue.elements_of_record(NOON)

    assert len(rows) == 13
    assert [row.satellite.code for row in rows] == sorted(row.satellite.code for row in rows)
    assert catalogue.orbits(rows).names[0] == "SCS-01-A"


def test_the_commands_say_what_they_did(db, tmp_path):
    out, err = StringIO(), StringIO()
    call_command("load_reference", stdout=out)
    assert out.getvalue() == "13 satellites, 24 stations, 44 antennas.\n"

    file = tmp_path / "new.tle"
    file.write_text(aged(1) + "stray\n")
    call_command("load_elements", str(file), stdout=out, stderr=err)
    assert out.getvalue().endswith("1 taken, 1 refused.\n")
    assert "'stray' is no part of an element set" in err.getvalue()
    file.write_text("stray\n")
    with pytest.raises(CommandError, match=r"^0 taken, 1 refused\.$"):
        call_command("load_elements", str(file), stdout=out, stderr=err)
    with pytest.raises(CommandError, match=r"nowhere.tle cannot be read: No such file"):
        call_command("load_elements", str(tmp_path / "nowhere.tle"))


def test_the_stream_of_the_fleet_is_for_those_who_may_see_it(db):
    viewer, customer = make_user(role="viewer"), make_user(role="customer")
    for stream in ("fleet", "contacts"):
        assert streams.may_read(viewer, stream)
        assert not streams.may_read(customer, stream)

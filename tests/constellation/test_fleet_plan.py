"""The announced constellation in the database."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from constellation import catalogue, fleet_plan
from constellation.models import Plane, Satellite
from constellation.orbits import elements
from tests.factories import NOON


def test_2800_satellites_are_planned_once_beside_the_real_ones(db):
    catalogue.load_reference(NOON)

    assert fleet_plan.plan_fleet(NOON) == 2_800
    assert fleet_plan.plan_fleet(NOON) == 0

    planned = Satellite.objects.filter(planned=True)
    assert planned.filter(role="inference").count() == 2_400
    assert planned.filter(role="training").count() == 400
    assert Satellite.objects.filter(planned=False).count() == 13
    assert Plane.objects.filter(satellites__planned=True).distinct().count() == 74
    one = Satellite.objects.select_related("plane").get(code="DDT-03-17")
    assert (one.plane.code, one.slot) == ("DDT-03", 17)


def test_planned_satellites_fly(db):
    fleet_plan.plan_fleet(NOON)
    rows = catalogue.elements_of_record(NOON)

    assert len(rows) == 2_800
    assert catalogue.orbits(rows).states([NOON.timestamp()]).refused == {}
    # Neighbours in a plane, which are in view together, differ in their spacecraft ids.
    ids = [row.satellite.spacecraft_id for row in rows if row.satellite.plane.code == "SSA-01"]
    assert len(set(ids)) == len(ids) == 50


def test_the_command_writes_a_file_that_can_be_read_back(db, tmp_path):
    out, file = StringIO(), tmp_path / "planned.json"
    call_command("plan_fleet", epoch="2026-08-22T12:00:00Z", to=str(file), stdout=out)

    parsed = elements.parse(file.read_bytes())
    assert (len(parsed.taken), parsed.refused) == (2_800, [])
    assert parsed.taken[0].epoch_at == NOON
    assert not Satellite.objects.exists()
    with pytest.raises(CommandError, match="not an instant"):
        call_command("plan_fleet", epoch="noon")
    for epoch in ("9999-12-31", "0001-01-01T00:00+14:00"):
        with pytest.raises(CommandError, match="right is 1957-10-04 to before 2057-01-01"):
            call_command("plan_fleet", epoch=epoch)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("plan_fleet", to=str(tmp_path / "no" / "where.json"))

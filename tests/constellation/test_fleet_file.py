import pytest

from constellation import catalogue, fleet_file
from constellation.simulator import fleet
from tests.factories import NOON

pytestmark = pytest.mark.django_db


def test_the_simulator_reads_the_fleet_that_the_database_holds(tmp_path):
    # The reference data is what the simulator falls back to; both roads lead to the same fleet.
    catalogue.load_reference(NOON)
    path = tmp_path / "simulator" / "fleet.json"

    assert fleet_file.write(path, NOON) == 13
    written, reference = fleet.load(path), fleet.load(None)

    assert written.stations == reference.stations
    assert written.satellites.keys() == reference.satellites.keys()
    for code, spec in written.satellites.items():
        known = reference.satellites[code]
        assert (spec.entity_id, spec.scid) == (known.entity_id, known.scid)
        assert (spec.isl_terminals, spec.storage_bytes) == (
            known.isl_terminals,
            known.storage_bytes,
        )
        assert spec.elements.epoch_at == known.elements.epoch_at
        assert spec.elements.mean_anomaly_deg == known.elements.mean_anomaly_deg


def test_without_its_file_the_simulator_takes_the_reference_data(tmp_path):
    assert len(fleet.load(tmp_path / "nothing.json").satellites) == 13


def test_a_fleet_file_that_is_wrong_is_refused_with_the_reason(tmp_path):
    path = tmp_path / "fleet.json"
    path.write_text('{"satellites": [{"code": "A"}], "stations": []}')
    with pytest.raises(fleet.BadFleet, match="line1"):
        fleet.load(path)

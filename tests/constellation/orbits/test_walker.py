"""Planned orbits keep their promises when SGP4 flies them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from constellation.orbits import eclipse, elements, omm, propagation, walker
from tests.constellation.orbits import fleet

EPOCH_AT = datetime(2026, 8, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("altitude_km", "inclination_deg"),
    # Vallado, "Fundamentals of Astrodynamics and Applications", 4th edition, figure 11-17
    # gives 97.4 and 98.2 near these altitudes; Landsat 8 (705 km) flies 98.2.
    [(500.0, 97.40), (705.0, 98.21), (1_000.0, 99.48)],
)
def test_sun_synchronous_inclinations(altitude_km, inclination_deg):
    inclination_rad = walker.sun_synchronous_inclination_rad(altitude_km * 1000.0)
    assert np.degrees(inclination_rad) == pytest.approx(inclination_deg, abs=0.02)


def test_no_sun_synchronous_orbit_is_too_high():
    with pytest.raises(ValueError, match="7,000 km"):
        walker.sun_synchronous_inclination_rad(7_000_000.0)


def planned(**details):
    wanted = {
        "name": "planned",
        "epoch_at": EPOCH_AT,
        "altitude_m": 600_000.0,
        "inclination_rad": walker.sun_synchronous_inclination_rad(600_000.0),
        "node_rad": walker.node_at_local_time_rad(18.0, EPOCH_AT.timestamp()),
        "anomaly_rad": 0.0,
        "bstar_per_earth_radius": 0.0,
    }
    return walker.circular_elements(**wanted | details)


def test_sgp4_recovers_the_altitude():
    for altitude_m in (500_000.0, 750_000.0, 1_000_000.0):
        record = propagation.satrec(planned(altitude_m=altitude_m))
        assert record.a * record.radiusearthkm * 1000 == pytest.approx(
            walker.EARTH_RADIUS_M + altitude_m, abs=200.0
        )


def test_sgp4_turns_the_node_with_the_sun():
    record = propagation.satrec(planned())
    # nodedot is in radians a minute; the mean sun makes 0.98565 degrees a day. SGP4 has also
    # the squared and the fourth-order term of the oblateness: a degree a year.
    assert np.degrees(record.nodedot * 1440.0) == pytest.approx(0.98565, abs=0.004)


def test_a_dawn_dusk_plane_stays_on_the_edge_of_night():
    # The node is at 18 h: through a year beta stays far from 0. The extremes are the
    # obliquity and the orbit's own tilt, 23.4 + 7.8 degrees from the pole.
    for days in range(0, 365, 30):
        at = EPOCH_AT + timedelta(days=days)
        plane = propagation.satrec(planned(epoch_at=EPOCH_AT))
        error, position_km, velocity_km_s = plane.sgp4(
            2_440_587.5 + at.timestamp() // 86_400, at.timestamp() % 86_400 / 86_400
        )
        assert error == 0
        beta = eclipse.beta_rad(
            np.array(position_km), np.array(velocity_km_s), eclipse.sun_teme_m(at.timestamp())
        )
        assert abs(np.degrees(beta)) > 90.0 - 23.5 - 7.9 - 4.2  # and the equation of time


def test_neighbours_of_a_walker_pattern_are_phased():
    shell = walker.Shell(
        code="T",
        role="inference",
        altitude_m=550_000.0,
        inclination_rad=0.9,
        planes=4,
        satellites_per_plane=3,
        phasing=2,
        first_node_rad=0.0,
    )
    placed = walker.slots(shell)

    assert len(placed) == shell.satellites == 12
    assert placed[0] == (0, 0, 0.0, 0.0)
    assert placed[1][3] == pytest.approx(2 * np.pi / 3)
    assert placed[3][2] == pytest.approx(np.pi / 2)
    assert placed[3][3] == pytest.approx(2 * 2 * np.pi / 12)


def test_the_announced_constellation_flies():
    shells = walker.announced_shells(fleet.NOON_S)
    by_role = {
        role: sum(s.satellites for s in shells if s.role == role)
        for role in ("inference", "training")
    }
    assert by_role == {"inference": 2400, "training": 400}
    assert all(500_000.0 <= shell.altitude_m <= 1_000_000.0 for shell in shells)

    sets = [
        planned(
            name=f"{shell.code}-{plane}-{slot}",
            altitude_m=shell.altitude_m,
            inclination_rad=shell.inclination_rad,
            node_rad=node_rad,
            anomaly_rad=anomaly_rad,
        )
        for shell in shells
        for plane, slot, node_rad, anomaly_rad in walker.slots(shell)
    ]
    parsed = elements.parse(omm.to_json(sets))
    assert parsed.refused == []
    assert parsed.taken == sets
    states = propagation.Orbits([(each.name, each) for each in sets]).states(
        fleet.NOON_S + np.array([0.0, 43_200.0, 86_400.0])
    )
    assert states.refused == {}
    # Nobody stands within a kilometre of another.
    first = states.position_m[:, 0]
    order = np.argsort(first[:, 0])
    near = np.linalg.norm(np.diff(first[order], axis=0), axis=1)
    assert near.min() > 1_000.0

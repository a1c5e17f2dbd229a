"""Eclipses against Skyfield with JPL's sun, against rays to the sun's limb, and over spans."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from skyfield.api import EarthSatellite
from skyfield.constants import ERAD

from constellation.orbits import eclipse, eclipses, frames, propagation, walker
from tests.constellation.orbits import fleet, jpl

DAY_S = 86_400.0
AS_SKYFIELD = eclipse.Shadow(radius_m=ERAD, flattening=0.0, sun_radius_m=0.0)
"""`is_sunlit` asks whether the line to the sun's centre meets a sphere of the equator's radius."""


def test_the_sun_is_where_jpl_has_it():
    at_s = np.linspace(
        datetime(2024, 1, 1, tzinfo=UTC).timestamp(),
        datetime(2050, 1, 1, tzinfo=UTC).timestamp(),
        5_000,
    )
    mine, exact = eclipse.sun_teme_m(at_s), jpl.apparent_sun_m(at_s)
    range_m = np.linalg.norm(exact, axis=1)
    apart_rad = np.linalg.norm(
        mine / np.linalg.norm(mine, axis=1)[:, None] - exact / range_m[:, None], axis=1
    )

    assert np.degrees(apart_rad.max()) < 0.005
    assert np.abs(np.linalg.norm(mine, axis=1) / range_m - 1.0).max() < 1e-4


def skyfield_edges_s() -> list[np.ndarray]:
    """Return the instants at which `is_sunlit` changes in half a day, of each satellite."""
    lines = fleet.TLE.read_text().splitlines()
    found = []
    for one, two in zip(lines[1::3], lines[2::3], strict=True):
        satellite = EarthSatellite(one, two)

        def sunlit(at_s, satellite=satellite):
            return satellite.at(frames.skyfield_time(at_s)).is_sunlit(jpl.ephemeris())

        at_s = fleet.NOON_S + np.arange(0.0, DAY_S / 2 + 1.0, 30.0)
        lit = sunlit(at_s)
        change = np.flatnonzero(lit[1:] != lit[:-1])
        low_s, high_s, before = at_s[change], at_s[change + 1], lit[change]
        for _ in range(14):
            middle_s = 0.5 * (low_s + high_s)
            same = sunlit(middle_s) == before
            low_s, high_s = np.where(same, middle_s, low_s), np.where(same, high_s, middle_s)
        found.append(0.5 * (low_s + high_s))
    return found


def my_edges_s(shadow: eclipse.Shadow) -> list[np.ndarray]:
    start_s, end_s = fleet.NOON_S, fleet.NOON_S + DAY_S / 2
    found = eclipses.find_eclipses(fleet.orbits(), start_s, end_s, shadow=shadow).eclipses
    edges = []
    for number in range(len(fleet.orbits())):
        mine = found.satellite == number
        entries = found.entry_s[mine & ~found.begun_before]
        exits = found.exit_s[mine & ~found.ends_after]
        edges.append(np.sort(np.concatenate([entries, exits])))
    return edges


def test_eclipses_are_those_of_skyfield_with_jpls_sun(monkeypatch):
    skyfield = skyfield_edges_s()
    assert sum(map(len, skyfield)) > 150

    # Our sun, where it appears to be. Skyfield takes where it is: aberration is 0.0057 degrees,
    # and our sun 0.005 off, while a satellite turns by 0.06 a second, and more slowly to the limb.
    for exact_s, mine_s in zip(skyfield, my_edges_s(AS_SKYFIELD), strict=True):
        np.testing.assert_allclose(mine_s, exact_s, rtol=0, atol=0.25)

    # The same sun: what is left is half a metre of track and the halving.
    monkeypatch.setattr(eclipse, "sun_teme_m", jpl.geometric_sun_m)
    for exact_s, mine_s in zip(skyfield, my_edges_s(AS_SKYFIELD), strict=True):
        np.testing.assert_allclose(mine_s, exact_s, rtol=0, atol=0.01)


def test_the_real_earth_is_smaller_at_the_poles_and_the_sun_is_a_disc():
    skyfield, mine = my_edges_s(AS_SKYFIELD), my_edges_s(eclipse.EARTH)
    early_s = [one - other for one, other in zip(skyfield, mine, strict=True)]
    # Half the sun's disc, 0.27 degrees, is crossed in four seconds and more; an Earth up to 21 km
    # lower than the equator's sphere takes some of it back.
    assert all(np.abs(each).max() < 8.0 for each in early_s)
    assert all(np.abs(each).max() > 1.0 for each in early_s)


def test_penumbra_and_umbra_begin_when_the_ellipsoid_first_and_wholly_hides_the_disc(monkeypatch):
    monkeypatch.setattr(eclipse, "sun_teme_m", jpl.apparent_sun_m)
    start_s = fleet.NOON_S
    found = eclipses.find_eclipses(fleet.orbits(), start_s, start_s + DAY_S / 4).eclipses
    whole = np.flatnonzero(~found.begun_before & ~found.ends_after)
    assert len(whole) > 30
    for row in whole[::4]:
        number = int(found.satellite[row])
        for at_s, before, after in (
            (found.entry_s[row], "all", "some"),
            (found.umbra_entry_s[row], "some", "none"),
            (found.umbra_exit_s[row], "none", "some"),
            (found.exit_s[row], "some", "all"),
        ):
            # The stretched space widens the disc by at most a 300th: 0.03 s.
            assert disc_seen(number, at_s - 0.05) == before
            assert disc_seen(number, at_s + 0.05) == after


def disc_seen(number: int, at_s: float) -> str:
    """Say how much of the sun's limb a satellite sees past the ellipsoid, by 720 rays."""
    position_m = fleet.orbits().part(number, number + 1).teme([at_s])[0][0, 0]
    to_sun_m = jpl.apparent_sun_m(at_s) - position_m
    toward = to_sun_m / np.linalg.norm(to_sun_m)
    across = np.cross(toward, position_m)
    across /= np.linalg.norm(across)
    other = np.cross(toward, across)
    radius_rad = np.arcsin(eclipse.SUN_RADIUS_M / np.linalg.norm(to_sun_m))
    turn_rad = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)[:, None]
    rim = np.cos(turn_rad) * across + np.sin(turn_rad) * other
    rays = np.cos(radius_rad) * toward + np.sin(radius_rad) * rim
    axes = np.array([1.0, 1.0, 1.0 - frames.FLATTENING]) * frames.EQUATOR_RADIUS_M
    here, ray = position_m / axes, rays / axes
    along = ray @ here
    squared = (ray * ray).sum(axis=1)
    hidden = (along < 0.0) & (along**2 - squared * (here @ here - 1.0) > 0.0)
    return "all" if not hidden.any() else "none" if hidden.all() else "some"


def test_a_span_cuts_eclipses_and_says_so():
    start_s = fleet.NOON_S
    whole = eclipses.find_eclipses(fleet.orbits(), start_s, start_s + DAY_S / 2).eclipses
    row = int(np.flatnonzero(~whole.begun_before & ~whole.ends_after)[3])
    number, middle_s = int(whole.satellite[row]), 0.5 * (whole.entry_s[row] + whole.exit_s[row])
    orbit = fleet.orbits().part(number, number + 1)
    before = eclipses.find_eclipses(orbit, middle_s - 3_000.0, middle_s).eclipses
    after = eclipses.find_eclipses(orbit, middle_s, middle_s + 3_000.0).eclipses

    assert before.ends_after[-1]
    assert before.exit_s[-1] == before.umbra_exit_s[-1] == middle_s
    assert before.entry_s[-1] == pytest.approx(whole.entry_s[row], abs=0.01)
    assert after.begun_before[0]
    assert after.entry_s[0] == after.umbra_entry_s[0] == middle_s
    assert after.exit_s[0] == pytest.approx(whole.exit_s[row], abs=0.01)


def grazing() -> propagation.Orbits:
    """Return one satellite in many planes, so that some only graze the shadow."""
    at = datetime(2026, 8, 22, 12, tzinfo=UTC)
    return propagation.Orbits(
        [
            (
                f"{local_h:.2f} h",
                walker.circular_elements(
                    name="X",
                    epoch_at=at,
                    altitude_m=850e3,
                    inclination_rad=walker.sun_synchronous_inclination_rad(850e3),
                    node_rad=walker.node_at_local_time_rad(local_h, at.timestamp()),
                    anomaly_rad=0.0,
                ),
            )
            for local_h in np.arange(15.5, 16.8, 0.04)
        ]
    )


def test_eclipses_that_graze_between_samples_are_found():
    start_s = fleet.NOON_S
    found = eclipses.find_eclipses(grazing(), start_s, start_s + DAY_S / 4).eclipses
    at_s = start_s + np.arange(0.0, DAY_S / 4, 1.0)
    position_m, _ = grazing().teme(at_s)
    light = eclipse.light(position_m, eclipse.sun_teme_m(at_s))
    for number in range(len(light)):
        for level, begins_s in ((1, found.umbra_entry_s), (2, found.entry_s)):
            dark = np.concatenate([[False], light[number] < level])
            seen = int((dark[1:] & ~dark[:-1]).sum())
            mine = int(np.isfinite(begins_s[found.satellite == number]).sum())
            # What lasts for less than a second, a sample may miss.
            assert mine >= seen
            assert mine - seen <= 1
    partial = np.isnan(found.umbra_entry_s)
    assert partial.any()
    assert (found.exit_s - found.entry_s)[partial].min() < 100.0
    assert (~partial).any()


def test_the_share_of_light_is_what_samples_say():
    start_s, end_s = fleet.NOON_S, fleet.NOON_S + DAY_S / 2
    found = eclipses.find_eclipses(fleet.orbits(), start_s, end_s).eclipses
    share = eclipses.lit_share(found, len(fleet.orbits()), start_s, end_s)
    at_s = np.arange(start_s, end_s, 10.0)
    light = eclipse.light(fleet.orbits().teme(at_s)[0], eclipse.sun_teme_m(at_s))

    np.testing.assert_allclose(share, 0.5 * light.mean(axis=1), atol=2e-3)
    assert np.degrees(np.abs(found.beta_rad)).max() < 90.0


def test_a_satellite_that_sgp4_refuses_is_named_and_spares_the_rest():
    mean = fleet.element_sets()[0]
    falling = replace(mean, mean_motion_rev_per_day=16.6, bstar_per_earth_radius=0.05)
    flown = propagation.Orbits([("FALLING", falling), ("A", mean)])
    found = eclipses.find_eclipses(flown, fleet.NOON_S, fleet.NOON_S + DAY_S)

    assert list(found.refused) == ["FALLING"]
    assert set(found.eclipses.satellite.tolist()) == {1}
    nobody = eclipses.find_eclipses(propagation.Orbits([]), fleet.NOON_S, fleet.NOON_S + DAY_S)
    assert len(nobody.eclipses) == 0

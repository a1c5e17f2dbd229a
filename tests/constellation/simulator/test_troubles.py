"""Hardware of a satellite fails on demand, over the control socket, and stays failed."""

import pytest

from constellation.simulator.board import troubles
from constellation.stations import control
from telemetry import onboard
from telemetry.onboard import Apid
from tests.constellation.simulator.flight import SATELLITE


def test_a_satellite_fails_as_told_and_still_does_after_a_restart(simulator):
    told = control.set_troubles(simulator.control, SATELLITE, heat_c=40, lasers_down=1)
    assert (told["heat_c"], told["lasers_down"], told["charge_most"]) == (40, 1, 1)
    with pytest.raises(control.ControlFailed, match="one of heat_c, power_w"):
        control.set_troubles(simulator.control, SATELLITE, gremlins=1)
    with pytest.raises(control.ControlFailed, match="charge_most=7"):
        control.set_troubles(simulator.control, SATELLITE, charge_most=7)

    simulator.kill()
    simulator.start()
    assert control.set_troubles(simulator.control, SATELLITE)["heat_c"] == 40


async def test_the_ground_reads_that_the_battery_is_low_and_no_laser_links(simulator, fly):
    control.set_troubles(simulator.control, SATELLITE, charge_most=0.2, lasers_down=1)
    ground = await fly()
    await ground.until(lambda: ground.payloads(Apid.HK_LINK))

    platform = onboard.HK_PLATFORM_LAYOUT.unpack_from(ground.payloads(Apid.HK_PLATFORM)[-1])
    link = onboard.HK_LINK_LAYOUT.unpack_from(ground.payloads(Apid.HK_LINK)[-1])
    assert platform[2] <= 2_000  # 1e-4 of full
    assert link[4] == 0


@pytest.mark.parametrize("wrong", [{"heat_c": float("nan")}, {"power_w": -1}, {"is_silent": 2}])
def test_troubles_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        troubles.NONE.changed(wrong)

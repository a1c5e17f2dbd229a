"""Telling the simulator what time it is, at once after a change and again on every tick."""

import logging

from django.conf import settings

from constellation.stations import control
from ops.clock_reading import Clock

log = logging.getLogger(__name__)


def tell(clock: Clock) -> bool:
    """Tell the simulator this reading of the clock; False when it is away.

    It keeps the newest generation, so that telling it the same again does no harm.
    """
    try:
        control.tell_clock(
            settings.ZENITH_SIMULATOR_CONTROL,
            wall_anchor=clock.wall_anchor.timestamp(),
            mission_anchor=clock.mission_anchor.timestamp(),
            rate=clock.rate,
            generation=clock.generation,
        )
    except control.ControlFailed as failure:
        log.debug("the simulator was not told the time: %s", failure)
        return False
    return True

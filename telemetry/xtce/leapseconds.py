"""Leap seconds: from the scale of atomic time to that of UTC.

Source: IERS Bulletin C and its table of TAI - UTC. Before 1972, when UTC ran at a rate of its own,
the 10 s of 1972 are used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST_S = 10
_TABLE = [
    # the second of UTC since 1970, without leap seconds, from which on TAI is so much ahead
    *((78_796_800, 11), (94_694_400, 12), (126_230_400, 13), (157_766_400, 14)),
    *((189_302_400, 15), (220_924_800, 16), (252_460_800, 17), (283_996_800, 18)),
    *((315_532_800, 19), (362_793_600, 20), (394_329_600, 21), (425_865_600, 22)),
    *((489_024_000, 23), (567_993_600, 24), (631_152_000, 25), (662_688_000, 26)),
    *((709_948_800, 27), (741_484_800, 28), (773_020_800, 29), (820_454_400, 30)),
    *((867_715_200, 31), (915_148_800, 32), (1_136_073_600, 33), (1_230_768_000, 34)),
    *((1_341_100_800, 35), (1_435_708_800, 36), (1_483_228_800, 37)),
]
_NS = 10**9
# Where each difference begins on the scale of TAI: the leap second itself still has the one before.
_FROM_TAI_NS = np.array([(utc + ahead) * _NS for utc, ahead in _TABLE], np.int64)
_AHEAD_NS = np.array([_FIRST_S * _NS, *(ahead * _NS for _, ahead in _TABLE)], np.int64)


def utc_from_tai(tai_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return UTC in ns since 1970 for TAI in ns since 1970-01-01T00:00:00 TAI.

    ns of UTC know no leap second: the one that is inserted has the numbers of the second after it.
    """
    return tai_ns - _AHEAD_NS[np.searchsorted(_FROM_TAI_NS, tai_ns, side="right")]


def tai_from_utc(utc_ns: int) -> int:
    """Return the other way round, for an instant outside of a leap second."""
    ahead = _FIRST_S
    for start, since in _TABLE:
        if utc_ns >= start * _NS:
            ahead = since
    return utc_ns + ahead * _NS

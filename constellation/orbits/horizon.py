"""The horizon around a site: below which elevation it does not see, by azimuth."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import tau
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Horizon:
    """Straight lines from corner to corner, and from the last corner round to the first.

    Straight in azimuth and elevation. One corner is the same elevation all round.
    """

    azimuth_rad: NDArray[np.float64]
    """Ascending, in [0, 2π), no azimuth twice: `(corners,)`."""
    elevation_rad: NDArray[np.float64]
    """`(corners,)`, in [-π/2, π/2]."""

    @classmethod
    def from_degrees(cls, corners_deg: Sequence[tuple[float, float]]) -> Self:
        """Return the horizon through corners (azimuth from north by east, elevation).

        They may come in any order; 360 is 0. Raises ValueError that names the corner at
        fault: not two finite numbers, an azimuth outside of [0, 360] or given twice, an
        elevation outside of [-90, 90].
        """
        if not len(corners_deg):
            raise ValueError("a horizon has at least one corner (azimuth, elevation)")
        by_azimuth: dict[float, float] = {}
        for number, corner in enumerate(corners_deg, start=1):
            azimuth_deg, elevation_deg = _corner(number, corner)
            if by_azimuth.setdefault(azimuth_deg % 360.0, elevation_deg) != elevation_deg:
                raise ValueError(
                    f"corner {number} of the horizon: azimuth {azimuth_deg:g} is given twice, "
                    f"with different elevations"
                )
        azimuths_deg = sorted(by_azimuth)
        return cls(
            azimuth_rad=np.radians(azimuths_deg),
            elevation_rad=np.radians([by_azimuth[azimuth_deg] for azimuth_deg in azimuths_deg]),
        )

    def at_rad(self, azimuth_rad: ArrayLike) -> NDArray[np.float64]:
        """Return the horizon's elevation at each azimuth."""
        return np.interp(azimuth_rad, self.azimuth_rad, self.elevation_rad, period=tau)

    @property
    def lowest_rad(self) -> float:
        return float(self.elevation_rad.min())


def _corner(number: int, corner: Sequence[float]) -> tuple[float, float]:
    try:
        azimuth_deg, elevation_deg = (float(value) for value in corner)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"corner {number} of the horizon is {corner!r}, not (azimuth, elevation) in degrees"
        ) from error
    if not 0.0 <= azimuth_deg <= 360.0:
        raise ValueError(
            f"corner {number} of the horizon: azimuth {azimuth_deg:g} is outside of [0, 360]"
        )
    if not abs(elevation_deg) <= 90.0:
        raise ValueError(
            f"corner {number} of the horizon: elevation {elevation_deg:g} is outside of [-90, 90]"
        )
    return azimuth_deg, elevation_deg

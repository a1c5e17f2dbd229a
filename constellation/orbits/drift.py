"""How far two orbits of one satellite are apart, as the one that is believed sees it.

Radial is away from the Earth, along is forward in the plane of the orbit, cross is along its
angular momentum (RTN of CCSDS 502.0-B-3, annex B). The frame does not turn with the Earth.
"""

from dataclasses import dataclass

import numpy as np

from constellation.orbits.frames import EARTH_TURN_RAD_PER_S, FloatArray


@dataclass(frozen=True)
class Apart:
    """Where the old orbit has the satellite less where the new one has it, `(n,)` each."""

    radial_m: FloatArray
    along_m: FloatArray
    cross_m: FloatArray
    distance_m: FloatArray
    along_s: FloatArray
    """How much earlier the old orbit has it at the place; negative: later."""


def apart(old_m: FloatArray, new_m: FloatArray, new_m_s: FloatArray) -> Apart:
    """Compare ITRS positions `(n, 3)`; `new_m_s` is the velocity seen from the ground.

    What is not finite in either stays so.
    """
    inertial_m_s = new_m_s.copy()
    inertial_m_s[:, 0] -= EARTH_TURN_RAD_PER_S * new_m[:, 1]
    inertial_m_s[:, 1] += EARTH_TURN_RAD_PER_S * new_m[:, 0]
    radial = _unit(new_m)
    cross = _unit(np.cross(new_m, inertial_m_s))
    along = np.cross(cross, radial)
    off_m = old_m - new_m
    along_m = np.einsum("ni,ni->n", off_m, along)
    forward_m_s = np.einsum("ni,ni->n", inertial_m_s, along)
    return Apart(
        radial_m=np.einsum("ni,ni->n", off_m, radial),
        along_m=along_m,
        cross_m=np.einsum("ni,ni->n", off_m, cross),
        distance_m=np.linalg.norm(off_m, axis=-1),
        along_s=along_m / forward_m_s,
    )


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)

"""How high satellites stand over the masks of sites: on a grid, and by SGP4 at any instant."""

from collections.abc import Sequence

import numpy as np

from constellation.orbits.frames import FloatArray, Site
from constellation.orbits.propagation import Orbits

IntArray = np.ndarray


class Sky:
    """The sine of the elevation over each site's lowest mask: on a grid, by SGP4 anywhere."""

    def __init__(
        self,
        orbits: Orbits,
        sites: Sequence[Site],
        instants_s: FloatArray,
        position_m: FloatArray,
        velocity_m_s: FloatArray,
    ) -> None:
        self.orbits, self.sites, self.instants_s = orbits, sites, instants_s
        self.place_m = np.array([site.position_m for site in sites]).reshape(-1, 3)
        self.up = np.array([site.east_north_up[2] for site in sites]).reshape(-1, 3)
        self.sine_mask = np.sin([site.lowest_mask_rad for site in sites])
        self.grid = (
            np.stack([self._sine_grid(position_m, number) for number in range(len(sites))], axis=1)
            if sites
            else np.empty((len(orbits), 0, len(instants_s)))
        )

    def _sine_grid(self, position_m: FloatArray, number: int) -> FloatArray:
        offset_m = position_m - self.place_m[number]
        range_m = np.sqrt(np.einsum("sti,sti->st", offset_m, offset_m))
        return offset_m @ self.up[number] / range_m - self.sine_mask[number]

    def pair(self, pairs: IntArray) -> tuple[IntArray, IntArray]:
        """Split numbers of pairs into satellites and stations."""
        return np.divmod(pairs, max(1, len(self.sites)))

    def states(self, pairs: IntArray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return position and velocity of the satellite of pair k at `at_s[k]`, ITRS."""
        return self.orbits.states_of(self.pair(pairs)[0], at_s)

    def height(self, pairs: IntArray, at_s: FloatArray) -> FloatArray:
        """Return the sine over the mask, of pair k at `at_s[k]`."""
        return self._height_and_climb(pairs, at_s)[0]

    def climb(self, pairs: IntArray, at_s: FloatArray) -> FloatArray:
        """Return how fast that sine grows, 1/s."""
        return self._height_and_climb(pairs, at_s)[1]

    def _height_and_climb(self, pairs: IntArray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        _, station = self.pair(pairs)
        position_m, velocity_m_s = self.states(pairs, at_s)
        offset_m = position_m - self.place_m[station]
        up = self.up[station]
        range_m = np.linalg.norm(offset_m, axis=-1)
        sine = np.einsum("ki,ki->k", offset_m, up) / range_m
        range_rate = np.einsum("ki,ki->k", offset_m, velocity_m_s) / range_m
        climb = (np.einsum("ki,ki->k", velocity_m_s, up) - sine * range_rate) / range_m
        return sine - self.sine_mask[station], climb

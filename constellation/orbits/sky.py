"""Satellites seen from sites: what is computed of pairs of them, however they are flown."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from constellation.orbits.frames import FloatArray, Site
from constellation.orbits.propagation import Orbits

IntArray = np.ndarray


class View(ABC):
    """Some pairs of a satellite and a site, known by number, and where the satellite is.

    Heights are sines of the elevation over the lowest mask of the site, which are smooth.
    """

    def __init__(self, sites: Sequence[Site]) -> None:
        self.sites = sites
        self.place_m = np.array([site.position_m for site in sites]).reshape(-1, 3)
        self.axes = np.array([site.east_north_up for site in sites]).reshape(-1, 3, 3)
        self.sine_mask = np.sin([site.lowest_mask_rad for site in sites])

    @abstractmethod
    def pair(self, pairs: IntArray) -> tuple[IntArray, IntArray]:
        """Return the satellite and the station of each pair."""

    @abstractmethod
    def states(self, pairs: IntArray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return ITRS position and velocity of the satellite of pair k at `at_s[k]`."""

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
        up = self.axes[station, 2]
        range_m = np.linalg.norm(offset_m, axis=-1)
        sine = np.einsum("ki,ki->k", offset_m, up) / range_m
        range_rate = np.einsum("ki,ki->k", offset_m, velocity_m_s) / range_m
        climb = (np.einsum("ki,ki->k", velocity_m_s, up) - sine * range_rate) / range_m
        return sine - self.sine_mask[station], climb


class Sky(View):
    """All pairs of some satellites and sites, flown by SGP4 itself, and a grid of heights."""

    def __init__(
        self,
        orbits: Orbits,
        sites: Sequence[Site],
        instants_s: FloatArray,
        position_m: FloatArray,
    ) -> None:
        super().__init__(sites)
        self.orbits, self.instants_s = orbits, instants_s
        self.grid = np.empty((len(orbits), len(sites), len(instants_s)))
        for number in range(len(sites)):
            self.grid[:, number] = self._heights(position_m, number)

    def _heights(self, position_m: FloatArray, number: int) -> FloatArray:
        offset_m = position_m - self.place_m[number]
        range_m = np.sqrt(np.einsum("sti,sti->st", offset_m, offset_m))
        return offset_m @ self.axes[number, 2] / range_m - self.sine_mask[number]

    def pair(self, pairs: IntArray) -> tuple[IntArray, IntArray]:
        return np.divmod(pairs, max(1, len(self.sites)))

    def states(self, pairs: IntArray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self.orbits.states_of(self.pair(pairs)[0], at_s)

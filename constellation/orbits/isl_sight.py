"""Sight and range of many pairs at once, as sums of products of what each satellite has alone.

With t the distance from a satellite to where its line of sight grazes the sphere of radius p,
t² = r² - p², two satellites see each other over the sphere as long as their range is below
t1 + t2, that is (half the difference of the squares) while

    r1·r2 + t1 t2 - p² > 0,

and are within the range limit R while r1·r2 + R²/2 - r1²/2 - r2²/2 > 0. Both, and their
derivatives, are products of matrices: a block of pairs at one instant is one call of BLAS.
"""

from dataclasses import dataclass

import numpy as np

from constellation.orbits import isl
from constellation.orbits.crossings import Sampled
from constellation.orbits.frames import FloatArray
from constellation.orbits.tracks import Tracks

IntArray = np.ndarray


@dataclass(frozen=True)
class Terms:
    """Terms of each satellite at each node: `(nodes, 16, satellites)`.

    r, t, q = -r²/2, 1; then r', t', q'; then r'', t'', q''.
    """

    each: FloatArray
    terminals: isl.Terminals
    step_s: float

    def factors(self, first: IntArray, *, graze: bool) -> list[FloatArray]:
        """Return what the second satellite's terms are multiplied by: value, slope and bend.

        Each `(nodes, len(first), 6 or 11 or 16)`.
        """
        own = self.each[:, :, first].transpose(0, 2, 1)
        blocks = [own[..., at : at + 5].copy() for at in (0, 6, 11)]
        alone = [block[..., 4:].copy() for block in blocks]
        for order, block in enumerate(blocks):
            if graze:
                block[..., 4] = alone[order][..., 0] = 0.0
            else:
                block[..., 3] = 0.0
                block[..., 4] = float(order == 0)
        if graze:
            alone[0] -= (isl.EARTH_RADIUS_M + self.terminals.grazing_height_m) ** 2
        else:
            alone[0] += 0.5 * self.terminals.range_limit_m**2
        return [
            np.concatenate([blocks[0], alone[0]], axis=-1),
            np.concatenate([blocks[1], alone[1], blocks[0]], axis=-1),
            np.concatenate([blocks[2], alone[2], 2.0 * blocks[1], blocks[0]], axis=-1),
        ]

    def sampled(self, first: IntArray, second: IntArray | slice, *, graze: bool) -> Sampled:
        """Return sight (`graze`) or range of all of `first` with all of `second`.

        Functions are numbered by first, then second.
        """
        others = self.each[:, :, second]
        value, slope, bend = (
            np.matmul(factors, others[:, : factors.shape[2]]).reshape(len(others), -1)
            for factors in self.factors(first, graze=graze)
        )
        return Sampled(value, slope, bend, self.step_s)

    def may_graze(self, first: IntArray, second: IntArray) -> bool:
        """Say whether the Earth can come between any two that are within range."""
        tangent_m = self.each[:, 3]
        least_m = tangent_m[:, first].min() + tangent_m[:, second].min()
        return bool(least_m < self.terminals.range_limit_m)


def terms(flown: Tracks, terminals: isl.Terminals) -> Terms:
    """Return the terms of flown satellites. Below the grazing height they see nobody: t is 0."""
    radius_m = isl.EARTH_RADIUS_M + terminals.grazing_height_m
    nodes = flown.nodes.transpose(1, 2, 0)
    r, v, a = nodes[:, 0:3], nodes[:, 3:6], nodes[:, 6:9]
    squared = np.einsum("nis,nis->ns", r, r)
    half_slope = np.einsum("nis,nis->ns", r, v)
    half_bend = np.einsum("nis,nis->ns", v, v) + np.einsum("nis,nis->ns", r, a)
    tangent = np.sqrt(np.maximum(squared - radius_m**2, 1.0))
    tangent_slope = half_slope / tangent
    each = np.empty((nodes.shape[0], 16, nodes.shape[2]))
    each[:, 0:3], each[:, 6:9], each[:, 11:14] = r, v, a
    each[:, 3], each[:, 9] = tangent, tangent_slope
    each[:, 14] = (half_bend - tangent_slope**2) / tangent
    each[:, 4], each[:, 10], each[:, 15] = -0.5 * squared, -half_slope, -half_bend
    each[:, 5] = 1.0
    return Terms(each, terminals, flown.step_s)

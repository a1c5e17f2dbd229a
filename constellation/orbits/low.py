"""Passes of low and nearly round orbits, in bulk: what nearly every satellite flies.

Seen from a site such a satellite rises and sets once, and in between the height over the plane
of the site's horizon is concave in time: its pull towards the Earth is downwards there. So on
nodes four minutes apart, one comparison a node finds every stretch in which it may be in
view, with a margin for what the height does between nodes; one polynomial of the orbit a
stretch (`nodes`) then gives the top and both crossings by Newton's method.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from constellation.orbits import skyline
from constellation.orbits.frames import EARTH_TURN_RAD_PER_S, FloatArray, Site
from constellation.orbits.nodes import STEP_S, Nodes, Polynomials
from constellation.orbits.sky import IntArray, View

HIGHEST_M = 9_000_000.0
"""From the Earth's centre; the concavity holds to 12,000 km at least."""
LOWEST_M = 6_450_000.0
ROUND = 0.1
"""By how much of it the distance from the Earth's centre may change."""
_MU_M3_S2 = 3.986004418e14
_PLUMB_RAD = 0.0034
"""The vertical leans away from the Earth's centre by at most this (0.193 degrees)."""
_SLACK_M = 100.0
"""For rounding to 32 bits, ten times what it can be."""
_SETTLED_S = 0.02
"""A move that leaves the top a ten-thousandth of a second away."""
_LEFT_S = 2e-5
_TOP_ROUNDS = 12
_CROSSING_ROUNDS = 60


class Arcs(View):
    """Stretches in which a satellite may be in view of a site, each with its polynomial."""

    def __init__(
        self,
        sites: Sequence[Site],
        satellite: IntArray,
        station: IntArray,
        polynomials: Polynomials,
    ) -> None:
        super().__init__(sites)
        self.satellite, self.station = satellite, station
        self.polynomials = polynomials
        self.place = self.place_m[station].T
        self.up = self.axes[station, 2].T
        self.sine = self.sine_mask[station]
        radius_m = np.linalg.norm(self.place_m, axis=1)
        mask_rad = np.arcsin(self.sine_mask)
        self.radius_m, self.mask_rad = radius_m[station], mask_rad[station]
        self.level_m = (radius_m * np.cos(mask_rad))[station]

    def pair(self, pairs: IntArray) -> tuple[IntArray, IntArray]:
        return self.satellite[pairs], self.station[pairs]

    def states(self, pairs: IntArray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        position_m, velocity_m_s = self.polynomials.states(at_s, pairs)
        return position_m.T, velocity_m_s.T

    def over_m(self, which: IntArray, at_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far arcs are above the mask, and how fast that grows.

        Not an angle but smoother: the range times what the sine of the elevation exceeds
        that of the mask by.
        """
        position_m, velocity_m_s = self.polynomials.states(at_s, which)
        position_m -= self.place[:, which]
        up = self.up[:, which]
        range_m = np.sqrt(_dot(position_m, position_m))
        over_m = _dot(position_m, up) - self.sine[which] * range_m
        rate_m_s = self.sine[which] * _dot(position_m, velocity_m_s) / range_m
        return over_m, _dot(velocity_m_s, up) - rate_m_s


@dataclass(frozen=True)
class Stretches:
    """Where satellites may be in view: between two instants, with a guess of the top."""

    satellite: IntArray
    station: IntArray
    low_s: FloatArray
    high_s: FloatArray
    guess_s: FloatArray


def suits(grid: Nodes) -> np.ndarray:
    """Return of each satellite whether what this module supposes holds over the nodes."""
    distance_m = np.sqrt(np.einsum("sni,sni->sn", grid.position_m, grid.position_m))
    least_m, most_m = distance_m.min(axis=1), distance_m.max(axis=1)
    low = (least_m > LOWEST_M) & (most_m < HIGHEST_M)
    return low & (most_m - least_m < ROUND * least_m)


def stretches(grid: Nodes, which: IntArray, sites: Sequence[Site]) -> tuple[Stretches, IntArray]:
    """Return the stretches of satellites `which`, and the satellites with one that is too long."""
    view_m = grid.position_m[which]
    height_m, least_m = _heights(view_m, sites)
    above = np.zeros((*height_m.shape[:2], height_m.shape[2] + 2), dtype=bool)
    np.greater(height_m, least_m[:, :, None], out=above[:, :, 1:-1])
    edges = np.flatnonzero(above[:, :, 1:] != above[:, :, :-1])
    pair, node = np.divmod(edges, grid.count + 1)
    first, beyond, pair = node[::2], node[1::2], pair[::2]
    last = beyond - 1
    flat, floor_m = height_m.reshape(-1, grid.count), least_m.reshape(-1)[pair]
    rise = first - _share(flat, pair, first, np.maximum(first - 1, 0), floor_m)
    fall = last + _share(flat, pair, last, np.minimum(last + 1, grid.count - 1), floor_m)
    satellite, station = np.divmod(pair, max(1, len(sites)))
    found = Stretches(
        which[satellite],
        station,
        grid.first_s + STEP_S * (first - 1.0),
        grid.first_s + STEP_S * (last + 1.0),
        grid.first_s + STEP_S * 0.5 * (rise + fall),
    )
    # The middle of a polynomial's nodes is up to half a step beside the middle of its stretch.
    long = 0.5 * (fall - rise) + 0.5 > grid.reach_steps()[found.satellite]
    return found, np.unique(found.satellite[long])


def _heights(position_m: FloatArray, sites: Sequence[Site]) -> tuple[np.ndarray, np.ndarray]:
    """Return heights over the horizon's plane, and the least that a satellite in view has.

    `(satellites, stations, instants)` and `(satellites, stations)`. From the latter is taken
    what a height can reach between two nodes over both: an eighth of the greatest bend.
    """
    place_m = np.array([site.position_m for site in sites]).reshape(-1, 3)
    up = np.array([site.east_north_up[2] for site in sites]).reshape(-1, 3)
    mask_rad = np.array([site.lowest_mask_rad for site in sites])
    heights_m = up.astype(np.float32) @ position_m.astype(np.float32).transpose(0, 2, 1)
    at_site_m = np.einsum("ji,ji->j", place_m, up)

    distance_m = np.linalg.norm(position_m, axis=-1)
    # The least height is at the nearest range, but below the plane at the farthest.
    upwards = mask_rad >= 0.0
    nearest = np.where(
        upwards, distance_m.min(axis=1)[:, None] - 5e3, distance_m.max(axis=1)[:, None] + 5e3
    )
    slant_rad = np.minimum(mask_rad + np.where(upwards, _PLUMB_RAD, -_PLUMB_RAD), np.pi / 2)
    radius_m = np.linalg.norm(place_m, axis=-1)
    across = np.maximum(nearest**2 - (radius_m * np.cos(slant_rad)) ** 2, 0.0)
    range_m = np.maximum(np.sqrt(across) - radius_m * np.sin(slant_rad), 0.0)
    bend = np.linalg.norm(np.diff(position_m, n=2, axis=1), axis=-1).max(axis=1)
    least_m = range_m * np.sin(mask_rad) - 0.13 * bend[:, None] - _SLACK_M
    return heights_m, (least_m + at_site_m).astype(np.float32)


def _share(
    flat: np.ndarray, pair: IntArray, inside: IntArray, outside: IntArray, floor_m: np.ndarray
) -> np.ndarray:
    """Return which part of the step from a node above the floor to one below is above."""
    above, below = flat[pair, inside], flat[pair, outside]
    return (above - floor_m) / np.maximum(above - below, 1.0) * (inside != outside)


def spans(
    grid: Nodes, found: Stretches, sites: Sequence[Site], start_s: float, end_s: float
) -> tuple[Arcs, skyline.Spans, IntArray]:
    """Return arcs, and the spans of those in which the satellite does come into view.

    Third come satellites with an arc whose top was not found, if there are any.
    """
    arcs = Arcs(
        sites, found.satellite, found.station, Polynomials(grid, found.satellite, found.guess_s)
    )
    top_s, settled = _top_s(arcs, found)
    top_s = np.clip(top_s, start_s, end_s)
    within = (found.high_s > start_s) & (found.low_s < end_s)
    lost = np.unique(found.satellite[within & ~settled])
    over_m, half_s = _top_and_half(arcs, top_s)
    rows = np.flatnonzero(within & (over_m > 0.0))
    begun, ends = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for cut, edge_s, at in (
        (begun, start_s, np.flatnonzero(found.low_s[rows] < start_s)),
        (ends, end_s, np.flatnonzero(found.high_s[rows] > end_s)),
    ):
        cut[at] = arcs.over_m(rows[at], np.full(len(at), edge_s))[0] > 0.0
    top_s, half_s = top_s[rows], half_s[rows]
    low_s, high_s = np.maximum(found.low_s[rows], start_s), np.minimum(found.high_s[rows], end_s)
    rises, sets = np.flatnonzero(~begun), np.flatnonzero(~ends)
    crossing_s = _crossings(
        arcs,
        np.concatenate([rows[rises], rows[sets]]),
        np.concatenate([low_s[rises], high_s[sets]]),
        np.concatenate([top_s[rises], top_s[sets]]),
        np.concatenate([(top_s - half_s)[rises], (top_s + half_s)[sets]]),
    )
    aos_s, los_s = np.full(len(rows), start_s, float), np.full(len(rows), end_s, float)
    aos_s[rises], los_s[sets] = crossing_s[: len(rises)], crossing_s[len(rises) :]
    return arcs, skyline.Spans(rows, aos_s, los_s, begun, ends, top_s), lost


def _top_s(arcs: Arcs, found: Stretches) -> tuple[FloatArray, np.ndarray]:
    """Return when each arc is highest, and whether that was found.

    By Newton's method on the derivative of the elevation.
    """
    at_s, settled = found.guess_s.copy(), np.zeros(len(found.guess_s), dtype=bool)
    which = np.arange(len(at_s))
    for _ in range(_TOP_ROUNDS):
        offset_m, velocity_m_s = arcs.polynomials.states(at_s[which], which)
        pull_m_s2 = _pull_m_s2(offset_m, velocity_m_s)
        offset_m -= arcs.place[:, which]
        up = arcs.up[:, which]
        height_m, climb_m_s = _dot(offset_m, up), _dot(velocity_m_s, up)
        range_m2, receding = _dot(offset_m, offset_m), _dot(offset_m, velocity_m_s)
        # The sine of the elevation is height over range; this is its derivative times range
        # cubed, and then the derivative of that.
        slope = climb_m_s * range_m2 - height_m * receding
        bend = _dot(pull_m_s2, up) * range_m2 + climb_m_s * receding
        bend -= height_m * (_dot(velocity_m_s, velocity_m_s) + _dot(offset_m, pull_m_s2))
        move_s = np.where(bend < 0.0, -slope / np.where(bend < 0.0, bend, -1.0), 0.0)
        at_s[which] += np.clip(move_s, -STEP_S, STEP_S)
        # The bend is right to a thousandth, and the top is flat.
        settled[which] = (bend < 0.0) & (np.abs(move_s) <= _SETTLED_S)
        which = which[~settled[which]]
        if not len(which):
            break
    return np.clip(at_s, found.low_s, found.high_s), settled


def _pull_m_s2(position_m: FloatArray, velocity_m_s: FloatArray) -> FloatArray:
    """Return the acceleration seen from the turning Earth, `(3, n)`: a round Earth's pull."""
    pull_m_s2 = position_m * (-_MU_M3_S2 * _dot(position_m, position_m) ** -1.5)
    turn = EARTH_TURN_RAD_PER_S
    pull_m_s2[0] += 2.0 * turn * velocity_m_s[1] + turn**2 * position_m[0]
    pull_m_s2[1] += -2.0 * turn * velocity_m_s[0] + turn**2 * position_m[1]
    return pull_m_s2


def _top_and_half(arcs: Arcs, top_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how far tops are above the mask, and a guess of half a pass.

    The guess is that of a circle around a globe.
    """
    position_m, velocity_m_s = arcs.polynomials.states(top_s)
    distance_m, radius_m = np.sqrt(_dot(position_m, position_m)), arcs.radius_m
    apart = _dot(position_m, arcs.place) / (distance_m * radius_m)
    limit_rad = np.arccos(np.clip(arcs.level_m / distance_m, 0.0, 1.0)) - arcs.mask_rad
    swept_rad = np.arccos(np.clip(np.cos(limit_rad) / apart, -1.0, 1.0))
    turn_rad_s = np.sqrt(_dot(velocity_m_s, velocity_m_s)) / distance_m
    position_m -= arcs.place
    over_m = _dot(position_m, arcs.up) - arcs.sine * np.sqrt(_dot(position_m, position_m))
    return over_m, swept_rad / turn_rad_s + 1.0


def _crossings(
    arcs: Arcs, rows: IntArray, outside_s: FloatArray, top_s: FloatArray, guess_s: FloatArray
) -> FloatArray:
    """Return when arcs cross the mask between an instant out of view and their top.

    Newton's method, halving where it would leave the bracket.
    """
    outside_s, inside_s = outside_s.copy(), top_s.copy()
    between = (guess_s - outside_s) * (guess_s - inside_s) < 0.0
    at_s = np.where(between, guess_s, 0.5 * (outside_s + inside_s))
    which = np.arange(len(rows))
    for _ in range(_CROSSING_ROUNDS):
        if not len(which):
            break
        here_s = at_s[which]
        over_m, rate_m_s = arcs.over_m(rows[which], here_s)
        seen = over_m > 0.0
        inside_s[which[seen]], outside_s[which[~seen]] = here_s[seen], here_s[~seen]
        low_s, high_s = outside_s[which], inside_s[which]
        with np.errstate(divide="ignore", invalid="ignore"):
            next_s = here_s - over_m / rate_m_s
        inwards = (next_s - low_s) * (next_s - high_s) <= 0.0
        next_s = np.where(inwards, next_s, 0.5 * (low_s + high_s))
        at_s[which] = next_s
        # What Newton's next step would be is the square of this one over twice the time to
        # the top, where the rate is nought.
        moved_s = np.abs(next_s - here_s)
        left_s = np.where(inwards, moved_s**2 / np.maximum(np.abs(next_s - top_s[which]), 1e-9), 1)
        which = which[(left_s > _LEFT_S) & (np.abs(high_s - low_s) > 1e-6)]
    return at_s


def _dot(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.einsum("ik,ik->k", first, second)

"""What the horizon by azimuth leaves of passes that were found above its lowest point.

Where the satellite is surely above or below everything that the horizon does in a stretch of
its track, the stretch is settled by its ends; elsewhere it is looked at twice a second. So
nothing that lasts longer than half a second, seen or hidden, is missed.
"""

from dataclasses import dataclass
from math import pi, tau

import numpy as np

from constellation.orbits import look, roots
from constellation.orbits.frames import FloatArray
from constellation.orbits.horizon import Horizon
from constellation.orbits.sky import IntArray, View

STRETCH_S = 10.0
CLOSE_S = 0.5
SHORTEST_S = 1e-3
"""What remains between two crossings that coincide is no pass."""
SAME_RAD = 1e-6
"""A pass begins on the lowest mask: what the horizon agrees with to that is one crossing."""
TRACKS_AT_ONCE = 2_000
_BINS = 720


@dataclass(frozen=True)
class Spans:
    """When pairs of a view see each other."""

    pairs: IntArray
    aos_s: FloatArray
    los_s: FloatArray
    begun_before: np.ndarray
    ends_after: np.ndarray
    tca_s: FloatArray

    def __len__(self) -> int:
        return len(self.pairs)

    def part(self, which: np.ndarray) -> "Spans":
        """Return some of them, in the order asked for."""
        return Spans(*(getattr(self, name)[which] for name in self.__dataclass_fields__))


def joined(parts: list[Spans]) -> Spans:
    """Return several as one."""
    names = Spans.__dataclass_fields__
    return Spans(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def above_horizons(view: View, spans: Spans) -> Spans:
    """Return what the horizons leave of spans above `the lowest masks`."""
    bounded = np.array([site.horizon is not None for site in view.sites], dtype=bool)
    _, station = view.pair(spans.pairs)
    if not bounded[station].any():
        return spans
    parts = [spans.part(np.flatnonzero(~bounded[station]))]
    for number in np.flatnonzero(bounded):
        here = np.flatnonzero(station == number)
        for first in range(0, len(here), TRACKS_AT_ONCE):
            some = spans.part(here[first : first + TRACKS_AT_ONCE])
            parts.append(_above_horizon(view, some, int(number)))
    return joined(parts)


def _above_horizon(view: View, spans: Spans, number: int) -> Spans:
    site = view.sites[number]

    def clearance_rad(pairs: IntArray, at_s: FloatArray) -> FloatArray:
        seen = look.look_angles(site, view.states(pairs, at_s)[0])
        return seen.elevation_rad - site.mask_at_rad(seen.azimuth_rad)

    row, at_s = _stretches(spans)
    doubtful = _doubtful(view, spans, row, at_s, site.horizon)
    row, at_s = _closer(row, at_s, doubtful)
    clear_rad = clearance_rad(spans.pairs[row], at_s)
    first, last = np.flatnonzero(np.diff(row, prepend=-1)), np.flatnonzero(np.diff(row, append=-1))
    clear_rad[first] += SAME_RAD
    clear_rad[last] += SAME_RAD
    up = clear_rad > 0.0
    change = np.flatnonzero((up[1:] != up[:-1]) & (row[1:] == row[:-1]))
    crossing_s = roots.close_in(
        clearance_rad, spans.pairs[row[change]], at_s[change], at_s[change + 1]
    )
    rising = up[change + 1]
    starts, ends = first[up[first]], last[up[last]]
    rise_row = np.concatenate([row[starts], row[change[rising]]])
    rise_s = np.concatenate([at_s[starts], crossing_s[rising]])
    set_row = np.concatenate([row[ends], row[change[~rising]]])
    set_s = np.concatenate([at_s[ends], crossing_s[~rising]])
    whole = np.arange(len(rise_row)) < len(starts), np.arange(len(set_row)) < len(ends)
    by_rise, by_set = np.lexsort((rise_s, rise_row)), np.lexsort((set_s, set_row))
    of, rise_s, set_s = rise_row[by_rise], rise_s[by_rise], set_s[by_set]
    around_s = _around_top(view, spans, site, (row, at_s), (of, rise_s, set_s))
    pieces = Spans(
        spans.pairs[of],
        rise_s,
        set_s,
        spans.begun_before[of] & whole[0][by_rise],
        spans.ends_after[of] & whole[1][by_set],
        roots.highest(view.climb, spans.pairs[of], *around_s),
    )
    return pieces.part(np.flatnonzero(set_s - rise_s >= SHORTEST_S))


def _stretches(spans: Spans) -> tuple[IntArray, FloatArray]:
    """Return instants along each span, both ends among them, and whose they are."""
    lasts_s = spans.los_s - spans.aos_s
    count = np.maximum(2, np.ceil(lasts_s / STRETCH_S).astype(np.int64)) + 1
    row = np.repeat(np.arange(len(spans)), count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    part = within / (count[row] - 1)
    return row, spans.aos_s[row] + part * lasts_s[row]


def _doubtful(
    view: View, spans: Spans, row: IntArray, at_s: FloatArray, horizon: Horizon
) -> np.ndarray:
    """Return of each instant whether the stretch to the next one must be looked at closely."""
    site = view.sites[int(view.pair(spans.pairs[:1])[1][0])]
    position_m, velocity_m_s = view.states(spans.pairs[row], at_s)
    seen = look.look_angles(site, position_m)
    turn_rad_s = np.linalg.norm(velocity_m_s, axis=-1) / seen.range_m
    # A track bends by no more than the square of the rate at which it turns; twice that.
    margin_rad = 0.25 * (np.diff(at_s) * np.maximum(turn_rad_s[1:], turn_rad_s[:-1])) ** 2
    margin_rad += SAME_RAD
    low_rad = np.minimum(seen.elevation_rad[1:], seen.elevation_rad[:-1]) - margin_rad
    high_rad = np.maximum(seen.elevation_rad[1:], seen.elevation_rad[:-1]) + margin_rad
    level = np.maximum(np.cos(np.minimum(high_rad, pi / 2)), 1e-3)
    turn_rad = (np.diff(seen.azimuth_rad) + pi) % tau - pi
    from_rad = np.minimum(seen.azimuth_rad[:-1], seen.azimuth_rad[:-1] + turn_rad)
    wider_rad = margin_rad / level + tau / _BINS
    least_rad, most_rad = _reach(
        horizon, site.mask_rad, from_rad - wider_rad, np.abs(turn_rad) + 2.0 * wider_rad
    )
    doubtful = (low_rad <= most_rad) & (high_rad >= least_rad)
    return np.append(doubtful & (row[1:] == row[:-1]), False)


def _reach(
    horizon: Horizon, mask_rad: float, from_rad: FloatArray, wide_rad: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the least and the most that the mask rises to within arcs of azimuth.

    Arcs wider than a quarter of the round count as all of it.
    """
    edges_rad = np.arange(_BINS + 1) * (tau / _BINS)
    at_edges_rad = np.maximum(mask_rad, horizon.at_rad(edges_rad))
    least_rad = np.minimum(at_edges_rad[1:], at_edges_rad[:-1])
    most_rad = np.maximum(at_edges_rad[1:], at_edges_rad[:-1])
    corner = np.minimum((horizon.azimuth_rad / tau * _BINS).astype(np.int64), _BINS - 1)
    at_corner_rad = np.maximum(mask_rad, horizon.elevation_rad)
    np.minimum.at(least_rad, corner, at_corner_rad)
    np.maximum.at(most_rad, corner, at_corner_rad)
    first = np.floor(from_rad % tau / tau * _BINS).astype(np.int64) % _BINS
    wide = np.ceil(wide_rad / tau * _BINS).astype(np.int64) + 1
    arcs = np.stack([first, first + np.minimum(wide, _BINS // 2)], axis=-1).ravel()
    round_ = wide > _BINS // 4
    least = np.minimum.reduceat(np.tile(least_rad, 3), arcs)[::2]
    most = np.maximum.reduceat(np.tile(most_rad, 3), arcs)[::2]
    return np.where(round_, least_rad.min(), least), np.where(round_, most_rad.max(), most)


def _closer(row: IntArray, at_s: FloatArray, doubtful: np.ndarray) -> tuple[IntArray, FloatArray]:
    """Add instants within the stretches that are in doubt."""
    which = np.flatnonzero(doubtful)
    lasts_s = at_s[which + 1] - at_s[which]
    count = np.ceil(lasts_s / CLOSE_S).astype(np.int64) - 1
    count = np.maximum(count, 0)
    owner = np.repeat(np.arange(len(which)), count)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count) + 1
    more_s = at_s[which[owner]] + within / (count[owner] + 1) * lasts_s[owner]
    row, at_s = np.concatenate([row, row[which[owner]]]), np.concatenate([at_s, more_s])
    order = np.lexsort((at_s, row))
    return row[order], at_s[order]


def _around_top(view, spans, site, samples, pieces) -> tuple[FloatArray, FloatArray]:
    """Return two instants of each piece between which its highest elevation lies."""
    row, at_s = samples
    of, rise_s, set_s = pieces
    elevation_rad = look.look_angles(site, view.states(spans.pairs[row], at_s)[0]).elevation_rad
    # Samples lie by row and instant: shifted apart, one sorted line of all rows.
    apart_s = np.arange(len(spans)) * (2.0 * (np.ptp(at_s) + 1.0)) if len(at_s) else np.empty(0)
    line_s = at_s - at_s[:1] + apart_s[row]
    first = np.searchsorted(line_s, rise_s - at_s[:1] + apart_s[of], side="left")
    last = np.searchsorted(line_s, set_s - at_s[:1] + apart_s[of], side="right") - 1
    low_s, high_s = rise_s.copy(), set_s.copy()
    for piece in np.flatnonzero(last >= first):
        top = first[piece] + int(np.argmax(elevation_rad[first[piece] : last[piece] + 1]))
        low_s[piece] = at_s[top - 1] if top > first[piece] else rise_s[piece]
        high_s[piece] = at_s[top + 1] if top < last[piece] else set_s[piece]
    return low_s, high_s

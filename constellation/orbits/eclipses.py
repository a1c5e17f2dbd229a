"""When satellites are in the Earth's shadow: every eclipse of a span, penumbra and umbra.

How far the sun stands clear of the Earth's limb is sampled on each satellite's track; where that
crosses the radius of the sun's disc, or turns so near to it between samples that it may, the
crossing is closed in on. An eclipse that only grazes has no umbra.
"""

from dataclasses import dataclass

import numpy as np

from constellation.orbits import eclipse, roots, spans, tracks, turning
from constellation.orbits.frames import FloatArray
from constellation.orbits.propagation import Orbits

IntArray = np.ndarray
SATELLITES_AT_ONCE = 256


@dataclass(frozen=True)
class Eclipses:
    """Eclipses as columns, ordered by satellite and entry; row k is of `satellite[k]`.

    Entry and exit are of the penumbra. Without umbra (a grazing eclipse, or one of which the span
    holds the penumbra alone) both its instants are NaN. Where the span begins or ends within an
    eclipse, entry or exit is the span's end, and `begun_before` or `ends_after` says so.
    """

    satellite: IntArray
    entry_s: FloatArray
    umbra_entry_s: FloatArray
    umbra_exit_s: FloatArray
    exit_s: FloatArray
    beta_rad: FloatArray
    """The angle between the orbit's plane and the sun, in the middle."""
    begun_before: np.ndarray
    ends_after: np.ndarray

    def __len__(self) -> int:
        return len(self.entry_s)


@dataclass(frozen=True)
class Found:
    """The eclipses, and by name the satellites that SGP4 refuses somewhere in the span."""

    eclipses: Eclipses
    refused: dict[str, str]


def find_eclipses(
    orbits: Orbits, start_s: float, end_s: float, *, shadow: eclipse.Shadow = eclipse.EARTH
) -> Found:
    """Find all eclipses of all satellites within `[start_s, end_s]`, whose edges cut them.

    Edges are those of SGP4 and of this module's sun to a hundredth of a second; an eclipse that
    grazes for a second or two begins and ends slowly, and is right to a tenth.
    """
    parts: list[Eclipses] = []
    refused: dict[str, str] = {}
    for first in range(0, len(orbits), SATELLITES_AT_ONCE):
        some = orbits.part(first, first + SATELLITES_AT_ONCE)
        # A step more at both ends: an eclipse is seen by the samples around it.
        flown = tracks.fly(some, start_s - tracks.STEP_S, end_s + tracks.STEP_S)
        lost = ~np.isfinite(flown.nodes).all(axis=(1, 2))
        if lost.any():
            refused |= some.states(flown.instants_s).refused
        parts.append(_eclipses(flown, np.flatnonzero(~lost), shadow, (start_s, end_s), first))
    names = list(Eclipses.__dataclass_fields__)
    if not parts:
        nobody = Eclipses(np.empty(0, dtype=np.int64), *(np.empty(0) for _ in names[1:]))
        return Found(nobody, refused)
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Found(Eclipses(*columns), refused)


def lit_share(found: Eclipses, satellites: int, start_s: float, end_s: float) -> FloatArray:
    """Return the share of a span for which the sun lights each satellite, `(satellites,)`.

    The span is the one of the search. Half the light counts in the penumbra, as it is on average.
    """
    umbra_s = np.nan_to_num(found.umbra_exit_s - found.umbra_entry_s)
    dark_s = 0.5 * (found.exit_s - found.entry_s + umbra_s)
    return 1.0 - np.bincount(found.satellite, dark_s, satellites) / (end_s - start_s)


def _eclipses(
    flown: tracks.Tracks,
    which: IntArray,
    shadow: eclipse.Shadow,
    ends_s: tuple[float, float],
    first: int,
) -> Eclipses:
    satellite, entry_s, exit_s = spans.free(_lit(flown, which, shadow, 1.0), *ends_s)
    umbra = spans.free(_lit(flown, which, shadow, -1.0), *ends_s)
    dark_s = _within((satellite, entry_s, exit_s), umbra, ends_s)
    middle_s = 0.5 * (entry_s + exit_s)
    position_m, velocity_m_s = flown.at(satellite, middle_s)
    return Eclipses(
        satellite + first,
        entry_s,
        dark_s[0],
        dark_s[1],
        exit_s,
        eclipse.beta_rad(position_m.T, velocity_m_s.T, eclipse.sun_teme_m(middle_s)),
        entry_s <= ends_s[0],
        exit_s >= ends_s[1],
    )


def _within(
    whole: tuple[IntArray, FloatArray, FloatArray],
    part: tuple[IntArray, FloatArray, FloatArray],
    ends_s: tuple[float, float],
) -> tuple[FloatArray, FloatArray]:
    """Return start and end of the part that lies within each whole, or NaN."""
    start_s, end_s = np.full(len(whole[0]), np.nan), np.full(len(whole[0]), np.nan)
    if len(whole[0]) and len(part[0]):
        span_s = ends_s[1] - ends_s[0] + 1.0
        key, part_key = (each[0] * span_s + each[1] - ends_s[0] for each in (whole, part))
        # A penumbra without width (a point sun) begins with its umbra, to rounding.
        holder = np.maximum(np.searchsorted(key, part_key + 1e-3) - 1, 0)
        start_s[holder], end_s[holder] = part[1], part[2]
    return start_s, end_s


def _lit(
    flown: tracks.Tracks, which: IntArray, shadow: eclipse.Shadow, side: float
) -> spans.Events:
    """Return when satellites are outside of the penumbra (`side` 1) or of the umbra (-1)."""

    def margin(satellite: IntArray, at_s: FloatArray) -> FloatArray:
        position_m, _ = flown.at(satellite, at_s)
        return _margin(position_m.T, eclipse.sun_teme_m(at_s), shadow, side)

    instants_s = flown.instants_s
    grid = _margin(flown.nodes[which, :, :3], eclipse.sun_teme_m(instants_s), shadow, side)
    row, low_s, high_s = _brackets(grid, which, instants_s, margin)
    at_s = roots.close_in(margin, which[row], low_s, high_s)
    rising = margin(which[row], high_s) > 0.0
    return spans.Events(
        np.concatenate([which, which[row]]),
        np.concatenate([np.full(len(which), instants_s[0]), at_s]),
        np.concatenate([(grid[:, 0] > 0.0).astype(np.int8), np.where(rising, 1, -1)]),
    )


def _margin(
    position_m: FloatArray, sun_m: FloatArray, shadow: eclipse.Shadow, side: float
) -> FloatArray:
    clear_rad, disc_rad = eclipse.clearance_rad(position_m, sun_m, shadow)
    return clear_rad - side * disc_rad


def _brackets(
    grid: FloatArray, which: IntArray, instants_s: FloatArray, margin: roots.Function
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return brackets of single changes of sign: row of the grid, and both ends."""
    lit = grid > 0.0
    row, node = np.nonzero(lit[:, 1:] != lit[:, :-1])
    # Where it dips, or peaks, towards zero between samples of one sign.
    before, here, after = grid[:, :-2], grid[:, 1:-1], grid[:, 2:]
    side = np.where(here > 0.0, 1.0, -1.0)
    turns = (side * here <= side * before) & (side * here <= side * after)
    turns &= side * here < 0.5 * np.abs(before - 2.0 * here + after)
    turn_row, turn_node = np.nonzero(turns)
    low_s, high_s = instants_s[turn_node], instants_s[turn_node + 2]
    sign = side[turn_row, turn_node]
    turn_s, value = turning.lowest(
        lambda rows, at_s: sign[rows] * margin(which[turn_row[rows]], at_s),
        np.arange(len(turn_row)),
        low_s,
        high_s,
    )
    real = value < 0.0
    turn_row, turn_node, turn_s = turn_row[real], turn_node[real], turn_s[real]
    # From the nearest samples: those two steps apart may lie beyond another change of sign.
    last = np.clip(np.searchsorted(instants_s, turn_s, side="right") - 1, 0, len(instants_s) - 2)
    return (
        np.concatenate([row, turn_row, turn_row]),
        np.concatenate([instants_s[node], instants_s[last], turn_s]),
        np.concatenate([instants_s[node + 1], turn_s, instants_s[last + 1]]),
    )

"""Roll-ups: the lowest, the highest, the mean and the number of samples in buckets of time. Pure.

They add up: buckets of a part of the samples and buckets of the rest, joined, are those of all. So
nothing is computed anew for data that comes late, and a wide bucket follows from narrow ones. Of a
parameter of whole numbers without a calibrator, or with a straight line for one, raw values are
rolled up: they pack well and are exact. Of others it is their engineering values. Of enumerations
these are the lowest and the highest state; words and bytes have no roll-ups. What is no finite
number is left out, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from telemetry.archive import columns, packing, wide
from telemetry.xtce import calibration, model

WIDTHS_S = (60, 600, 7_200, 86_400)
"""Widths of buckets, each a multiple of the one before; all begin at 1970-01-01T00:00Z."""
_LARGEST = 1 << 62


@dataclass(frozen=True)
class Rows:
    """Which parameters of a shape are rolled up, and how: `whole` by their raw whole numbers, with
    their rows of `Wide.whole`; `real` by values, with what they are made of."""

    whole: dict[str, int]
    real: dict[str, columns.Described]


@lru_cache(maxsize=256)
def rows_of(shape: columns.Shape) -> Rows:
    row = {place: row for row, place in enumerate(wide.places_of(shape).whole)}
    whole, real = {}, {}
    for described in shape.columns:
        if described.is_number:
            if _is_raw(described):
                whole[described.name] = row[shape.places[described.name][0]]
            else:
                real[described.name] = described
    return Rows(whole, real)


def _is_raw(described: columns.Described) -> bool:
    if described.kind != "int":
        return False
    is_line = described.terms is None or all(exponent in (0, 1) for _, exponent in described.terms)
    return described.labels is not None or (is_line and not described.value_kind)


@dataclass(frozen=True, slots=True)
class Buckets:
    """m buckets: where each begins (int64 ns since 1970) and how many samples it has.

    Rows of the matrices are the parameters of `rows_of`, in order. `total` is the sum of how far
    whole numbers are above the lowest of their bucket, and the plain sum of the real ones; of these
    `n` were finite, and where none was, the rest means nothing.
    """

    starts_ns: NDArray[np.int64]
    count: NDArray[np.int64]
    whole_low: NDArray[np.int64]
    whole_high: NDArray[np.int64]
    whole_total: NDArray[np.int64]
    real_low: NDArray[np.float64]
    real_high: NDArray[np.float64]
    real_total: NDArray[np.float64]
    real_n: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts_ns)


# --- Samples into buckets, and buckets into wider ones -----------------------------------------


def of_samples(samples: wide.Wide, width_s: int) -> Buckets:
    """Return the buckets of samples; those without any are left out."""
    rows = rows_of(samples.shape)
    whole = samples.whole[list(rows.whole.values())]
    real = _values(samples, rows)
    is_finite = np.isfinite(real)
    each = Buckets(
        samples.generated_ns,
        np.ones(len(samples), np.int64),
        *(whole, whole, np.zeros_like(whole)),
        *(real, real, np.where(is_finite, real, 0.0), is_finite.astype(np.int64)),
    )
    return _grouped(each, width_s)


def _values(samples: wide.Wide, rows: Rows) -> NDArray[np.float64]:
    """Return the engineering values of parameters whose raw values are not rolled up."""
    shape, places = samples.shape, wide.places_of(samples.shape)
    whole = {place: row for row, place in enumerate(places.whole)}
    real = {place: row for row, place in enumerate(places.real)}
    found = np.empty((len(rows.real), len(samples)))
    for row, described in enumerate(rows.real.values()):
        raw, value = shape.places[described.name]
        place = raw if value is None else value
        kind = described.kind if value is None else described.value_kind
        numbers = samples.real[real[place]] if place in real else samples.whole[whole[place]]
        if kind == "uint":
            numbers = numbers.view(np.uint64)
        if described.terms is not None:
            numbers = calibration.polynomial(model.Polynomial(described.terms), numbers)
        found[row] = numbers
    return found


def widen(parts: Sequence[Buckets], width_s: int) -> Buckets:
    """Return all parts as buckets of `width_s`; what falls into one is joined."""
    return _grouped(
        Buckets(
            *(
                np.concatenate([getattr(part, name) for part in parts], axis=-1)
                for name in Buckets.__dataclass_fields__
            )
        ),
        width_s,
    )


def _grouped(each: Buckets, width_s: int) -> Buckets:
    width_ns = width_s * 1_000_000_000
    bucket = each.starts_ns // width_ns
    if (np.diff(bucket) < 0).any():
        order = np.argsort(bucket, kind="stable")
        bucket = bucket[order]
        each = Buckets(*(getattr(each, name)[..., order] for name in Buckets.__dataclass_fields__))
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[:1] - 1))
    sizes = np.diff(starts, append=len(bucket))
    low = np.minimum.reduceat(each.whole_low, starts, axis=1)
    above = each.whole_low - np.repeat(low, sizes, axis=1)
    offsets = each.whole_total + _times(above, each.count)
    is_none = each.real_n == 0
    with np.errstate(over="ignore", invalid="ignore"):
        return Buckets(
            bucket[starts] * width_ns,
            np.add.reduceat(each.count, starts),
            low,
            np.maximum.reduceat(each.whole_high, starts, axis=1),
            _added(offsets, starts),
            np.minimum.reduceat(np.where(is_none, np.inf, each.real_low), starts, axis=1),
            np.maximum.reduceat(np.where(is_none, -np.inf, each.real_high), starts, axis=1),
            np.add.reduceat(each.real_total, starts, axis=1),
            np.add.reduceat(each.real_n, starts, axis=1),
        )


def _times(above: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the product, at most 2^62: a mean of such numbers is no mean any more."""
    rough = above.astype(np.float64) * count
    return np.where((rough < _LARGEST) & (above >= 0), above * count, _LARGEST)


def _added(offsets: NDArray[np.int64], starts: NDArray) -> NDArray[np.int64]:
    rough = np.add.reduceat(offsets.astype(np.float64), starts, axis=1)
    return np.where(rough < _LARGEST, np.add.reduceat(offsets, starts, axis=1), _LARGEST)


# --- To bytes and back ----------------------------------------------------------------------


def pack(buckets: Buckets) -> bytes:
    """Return the bytes: block 0 where buckets begin, 1 how many samples each has; then lowest,
    highest and total of all whole numbers, lowest, highest and total of the real ones, and of
    these how many were finite."""
    whole = packing.ints(
        np.vstack(
            [
                *(buckets.starts_ns, buckets.count, buckets.whole_low, buckets.whole_high),
                *(buckets.whole_total, buckets.real_n),
            ]
        )
    )
    real = packing.reals(np.vstack([buckets.real_low, buckets.real_high, buckets.real_total]))
    before = columns.TIMES + 3 * len(buckets.whole_low)
    return packing.assemble([*whole[:before], *real, *whole[before:]])


def unpack(shape: columns.Shape, data: bytes, m: int) -> Buckets:
    """Return the m buckets."""
    rows = rows_of(shape)
    w, r = len(rows.whole), len(rows.real)
    before = columns.TIMES + 3 * w
    blocks = packing.disassemble(data, before + 4 * r)
    whole = packing.read_whole([*blocks[:before], *blocks[before + 3 * r :]], m)
    real = packing.read_real(blocks[before : before + 3 * r], m)
    low, high, total = (whole[columns.TIMES + k * w :][:w] for k in range(3))
    return Buckets(
        *(whole[0], whole[1], low, high, total),
        *(real[:r], real[r : 2 * r], real[2 * r :], whole[before:]),
    )


def blocks_of(shape: columns.Shape, name: str) -> list[int] | None:
    """Return the places of a parameter's lowest, highest, total and, where it has one, number; None
    when it has no roll-ups."""
    rows = rows_of(shape)
    w, r = len(rows.whole), len(rows.real)
    if name in rows.whole:
        row = columns.TIMES + list(rows.whole).index(name)
        return [row, row + w, row + 2 * w]
    if name in rows.real:
        row = columns.TIMES + 3 * w + list(rows.real).index(name)
        return [row, row + r, row + 2 * r, row + 3 * r]
    return None


def knows_raw(described: columns.Described) -> bool:
    """Say whether roll-ups of a parameter tell its raw values too."""
    return _is_raw(described) or (described.terms is None and not described.value_kind)


# --- What a plot shows ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rolled:
    """One parameter over m buckets, in the unit that is asked for: lowest, highest, sum and number
    of its samples. NaN where there is none."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    total: NDArray[np.float64]
    n: NDArray[np.int64]


def rolled(
    described: columns.Described, count: NDArray[np.int64], arrays: Sequence[NDArray], *, raw: bool
) -> Rolled | None:
    """Return what the blocks of `blocks_of` say; None for raw values that are not known."""
    if raw and not knows_raw(described):
        return None
    if not _is_raw(described):
        low, high, total, n = arrays
        is_none = n == 0
        low, high = np.where(is_none, np.nan, low), np.where(is_none, np.nan, high)
        return Rolled(low, high, total, n)
    low, high, above = (np.asarray(numbers, np.float64) for numbers in arrays)
    mean = low + above / count
    if described.terms is not None and not raw:
        line = model.Polynomial(described.terms)
        low, high, mean = (calibration.polynomial(line, each) for each in (low, high, mean))
        low, high = np.minimum(low, high), np.maximum(low, high)
    return Rolled(low, high, mean * count, count)

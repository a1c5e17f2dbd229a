"""Fields of fixed places read together: one array for all that are read the same way.

A container of a hundred fields costs a hundred small steps a batch when each column is read by
itself. Here a step is taken once for all fields of one width, and once for all calibrators of one
form; each value comes from the same operations in the same order as alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import layout, memory, model

_MANY = 1_024
"""Packets from which on a field is copied by itself: what a step costs is nothing beside that."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Fields read alike: `stored` is NumPy's name of what lies at each of `firsts`, in bytes, and
    `wanted` of what it is read into.

    Of fields that are no whole bytes, what was read is shifted by `left`, then by `right`, there
    with its sign if it has one.
    """

    names: tuple[str, ...]
    stored: str
    wanted: str
    firsts: NDArray[np.int64]
    left: NDArray[np.uint64] | None = None
    right: NDArray[np.uint64] | None = None
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class _Calibrated:
    """Fields with polynomials of the same exponents; `coefficients` are (terms, fields, 1)."""

    names: tuple[str, ...]
    exponents: tuple[int, ...]
    coefficients: NDArray[np.float64]


class Blocks:
    """The fields of a plan that can be read together; `places` are all that lie fixed, by name."""

    def __init__(self, plan: layout.Plan) -> None:
        self.places = {f.parameter.name: f for f in plan.fields if f.offset_bits is not None}
        fields = [f for f in self.places.values() if f.leaf.is_number]
        self._blocks = _blocks(fields)
        read = {name for block in self._blocks for name in block.names}
        types = {f.parameter.name: f.parameter.type for f in fields if f.parameter.name in read}
        self._same = [name for name, kind in types.items() if _is_same(kind)]
        self._calibrated = _calibrated(types)

    def raw(self, buffer: bytes, count: int, stride_bytes: int) -> dict[str, NDArray]:
        """Return the raw columns of `count` packets that lie `stride_bytes` apart, with padding
        behind the last one."""
        found: dict[str, NDArray] = {}
        for block in self._blocks:
            found.update(zip(block.names, _rows(block, buffer, count, stride_bytes), strict=True))
        return found

    def values(self, raw: dict[str, NDArray]) -> dict[str, NDArray]:
        """Return the engineering columns that are the raw ones, or that polynomials make."""
        found = {name: raw[name] for name in self._same}
        for each in self._calibrated:
            x = np.stack([raw[name] for name in each.names]).astype(np.float64, copy=False)
            found.update(zip(each.names, _polynomials(each, x), strict=True))
        return found


def _is_same(kind: model.ParameterType) -> bool:
    if kind.calibrator is not None or kind.context_calibrators or kind.encoding is None:
        return False
    return kind.kind == "integer" or (kind.kind == "float" and kind.encoding.form == "float")


def _blocks(fields: Sequence[layout.Field]) -> list[_Block]:
    alike: dict[tuple[str, str, bool, bool], list[tuple[str, int, int, int]]] = defaultdict(list)
    for each in fields:
        leaf, encoding, at = each.leaf, each.leaf.encoding, each.offset_bits
        assert at is not None
        first, shift = divmod(at, 8)
        size = leaf.fixed_bits
        if leaf.stored and shift == 0:
            alike[*leaf.stored, False, False].append((each.parameter.name, first, 0, 0))
        elif (
            encoding.form in ("unsigned", "twosComplement")
            and shift + size <= 64
            and not (encoding.byte_order or encoding.is_bit_reversed)
        ):
            width = next(w for w in (8, 16, 32, 64) if shift + size <= w)
            key = (f">u{width // 8}", "u8", True, encoding.form == "twosComplement")
            alike[key].append((each.parameter.name, first, 64 - width + shift, 64 - size))
    blocks = []
    for (stored, wanted, is_shifted, is_signed), each in alike.items():
        names, firsts, left, right = zip(*each, strict=True)
        shifts = [np.array(s, np.uint64)[:, None] for s in (left, right)] if is_shifted else []
        blocks.append(_Block(names, stored, wanted, np.array(firsts), *shifts, is_signed=is_signed))
    return blocks


def _rows(block: _Block, buffer: bytes, count: int, stride_bytes: int) -> NDArray:
    """Return (fields, packets) numbers."""
    rows = memory.numbers(len(block.names), count).view(block.wanted)
    if count < _MANY:
        shape = (int(block.firsts.max()) + 1, count)
        rows[:] = np.ndarray(shape, block.stored, buffer, 0, (1, stride_bytes))[block.firsts]
    else:
        for row, first in zip(rows, block.firsts.tolist(), strict=True):
            row[:] = np.ndarray((count,), block.stored, buffer, first, (stride_bytes,))
    if block.left is None or block.right is None:
        return rows
    rows <<= block.left
    if not block.is_signed:
        rows >>= block.right
        return rows.view(np.int64)
    signed = rows.view(np.int64)
    signed >>= block.right.view(np.int64)
    return signed


# --- Calibrators ----------------------------------------------------------------------------


def _calibrated(types: dict[str, model.ParameterType]) -> list[_Calibrated]:
    alike: dict[tuple[int, ...], list[tuple[str, list[float]]]] = defaultdict(list)
    for name, kind in types.items():
        way = kind.calibrator
        if kind.kind not in ("integer", "float") or kind.context_calibrators:
            continue
        if isinstance(way, model.Polynomial):
            exponents = tuple(exponent for _, exponent in way.terms)
            alike[exponents].append((name, [coefficient for coefficient, _ in way.terms]))
    return [
        _Calibrated(
            tuple(name for name, _ in each),
            exponents,
            np.array([coefficients for _, coefficients in each]).T[:, :, None],
        )
        for exponents, each in alike.items()
    ]


def _polynomials(each: _Calibrated, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what `calibration.polynomial` makes of each row, by the same steps."""
    value: NDArray[np.float64] | None = None
    with np.errstate(over="ignore", invalid="ignore"):
        for coefficient, exponent in zip(each.coefficients, each.exponents, strict=True):
            term = coefficient
            if exponent:
                term = coefficient * (x if exponent == 1 else x**exponent)
            value = 0.0 + term if value is None else value + term
    assert value is not None
    return value if value.shape == x.shape else np.broadcast_to(value, x.shape).copy()

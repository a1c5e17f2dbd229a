"""Samples of a parameter group as columns: what a column holds, and how it becomes bytes. Pure.

The bytes of a segment (telemetry/archive/wide.py makes them) hold numbers alone. What they mean
(names, labels, calibrators) is its shape, the same for all segments of a group until the definition
changes, and kept once. Of a parameter with a polynomial calibrator only the raw values are kept;
the others follow from them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from telemetry.archive import packing
from telemetry.xtce import calibration, model

TIMES = 2
"""Columns before the first parameter: when samples were generated, and when received."""


class BadSegment(ValueError):
    """The bytes are no segment of that shape."""


@dataclass(slots=True)
class Column:
    """One parameter: `raw`, and `value` where a calibrator made one (else None).

    Arrays of n numbers, or lists of n bytes. `labels` gives the words for raw values; `terms` are
    those of the polynomial that makes `value` out of `raw`, as (coefficient, exponent).
    """

    raw: NDArray | list[bytes]
    value: NDArray | None = None
    labels: dict[int, Any] | None = None
    is_text: bool = False
    terms: tuple[tuple[float, int], ...] | None = None

    def __len__(self) -> int:
        return len(self.raw)


@dataclass(slots=True)
class Samples:
    """n samples of a group: their times (int64 ns since 1970) and a column a parameter."""

    generated_ns: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    columns: dict[str, Column] = field(default_factory=dict)
    known_shape: Shape | None = None
    """Where it is known beforehand."""
    invalid: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    """Of columns with values that mean nothing, as they were decoded: which. Not archived."""

    @property
    def shape(self) -> Shape:
        return self.known_shape or Shape.of(self)

    def __len__(self) -> int:
        return len(self.generated_ns)


# --- Shapes ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Described:
    """What a shape says of one column. `kind`: int, uint, float, text or bytes, of raw values;
    `value_kind`: that of a column of values which is kept too, or empty."""

    name: str
    kind: str
    labels: tuple[tuple[int, Any], ...] | None = None
    terms: tuple[tuple[float, int], ...] | None = None
    value_kind: str = ""

    @property
    def is_number(self) -> bool:
        return self.kind in ("int", "uint", "float")


@dataclass(frozen=True, eq=False)
class Shape:
    """What the columns of a segment are. Named by its content."""

    columns: tuple[Described, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @classmethod
    def of(cls, samples: Samples) -> Shape:
        return cls(tuple(_described(name, column) for name, column in samples.columns.items()))

    @classmethod
    def from_json(cls, columns: Iterable[list[Any]]) -> Shape:
        return cls(
            tuple(
                Described(
                    name,
                    kind,
                    labels if labels is None else tuple(map(tuple, labels)),
                    terms if terms is None else tuple((float(c), int(e)) for c, e in terms),
                    value_kind,
                )
                for name, kind, labels, terms, value_kind in columns
            )
        )

    def to_json(self) -> list[list[Any]]:
        return [[c.name, c.kind, c.labels, c.terms, c.value_kind] for c in self.columns]

    @cached_property
    def digest(self) -> str:
        """32 hexadecimal digits."""
        return hashlib.blake2b(orjson.dumps(self.to_json()), digest_size=16).hexdigest()

    @cached_property
    def places(self) -> dict[str, tuple[int, int | None]]:
        """By name: the block of raw values, and that of values where there is one."""
        following = TIMES + len(self.columns)
        found: dict[str, tuple[int, int | None]] = {}
        for place, column in enumerate(self.columns, TIMES):
            found[column.name] = (place, following if column.value_kind else None)
            following += bool(column.value_kind)
        return found

    @cached_property
    def by_name(self) -> dict[str, Described]:
        return {column.name: column for column in self.columns}

    @property
    def blocks(self) -> int:
        return TIMES + len(self.columns) + sum(bool(each.value_kind) for each in self.columns)


def _described(name: str, column: Column) -> Described:
    raw, value_kind = column.raw, ""
    if column.value is not None and column.terms is None:
        value_kind = _kind_of(column.value)
    kind = ("text" if column.is_text else "bytes") if isinstance(raw, list) else _kind_of(raw)
    labels = None if column.labels is None else tuple(column.labels.items())
    return Described(name, kind, labels, column.terms, value_kind)


def _kind_of(numbers: NDArray) -> str:
    return {"u": "uint", "f": "float"}.get(numbers.dtype.kind, "int")


# --- To bytes and back ----------------------------------------------------------------------


def arrays_of(samples: Samples) -> list[NDArray | list[bytes]]:
    """Return what is kept of samples, block by block."""
    arrays: list[NDArray | list[bytes]] = [samples.generated_ns, samples.received_ns]
    arrays += [column.raw for column in samples.columns.values()]
    arrays += [
        column.value
        for column in samples.columns.values()
        if column.value is not None and column.terms is None
    ]
    return arrays


def unpack(shape: Shape, data: bytes, n: int, names: set[str] | None = None) -> Samples:
    """Return the n samples of a segment, of all its columns or of those named that it has."""
    chosen = [column for column in shape.columns if names is None or column.name in names]
    places = [0, 1]
    for column in chosen:
        places += [place for place in shape.places[column.name] if place is not None]
    try:
        blocks = packing.disassemble(data, shape.blocks)
        arrays = packing.read_all([blocks[place] for place in places], n)
    except packing.BadBlock as error:
        raise BadSegment(str(error)) from error
    return from_arrays(chosen, arrays)


def from_arrays(chosen: list[Described], arrays: list[Any]) -> Samples:
    """Return samples out of the arrays of their blocks: both times, then each column's raw values
    and, where they are kept, its values."""
    rest = iter(arrays[TIMES:])
    columns = {}
    for described in chosen:
        raw = next(rest)
        value = next(rest) if described.value_kind else None
        columns[described.name] = column_of(described, raw, value)
    return Samples(arrays[0], arrays[1], columns)


def column_of(described: Described, raw: Any, value: Any) -> Column:
    """Return the column that a shape's description and its arrays make."""
    if described.kind == "uint":
        raw = raw.view(np.uint64)
    if described.value_kind == "uint":
        value = value.view(np.uint64)
    if described.terms is not None:
        value = calibration.polynomial(model.Polynomial(described.terms), raw)
    labels = None if described.labels is None else dict(described.labels)
    return Column(raw, value, labels, described.kind == "text", described.terms)


# --- Together and apart ---------------------------------------------------------------------


def join(parts: list[Samples]) -> Samples:
    """Return the samples of all parts in the order of their generation.

    The parts are of one group; a column that a part lacks is left out of the whole.
    """
    generated = np.concatenate([part.generated_ns for part in parts])
    order = None
    if (np.diff(generated) < 0).any():
        order = np.argsort(generated, kind="stable")
    shared = [n for n in parts[0].columns if all(n in part.columns for part in parts)]
    return Samples(
        _picked([generated], order),
        _picked([part.received_ns for part in parts], order),
        {name: _joined([part.columns[name] for part in parts], order) for name in shared},
    )


def select(samples: Samples, chosen: NDArray) -> Samples:
    """Return the samples at the given places, or where a mask is true."""
    places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    return Samples(
        samples.generated_ns[places],
        samples.received_ns[places],
        {name: _joined([column], places) for name, column in samples.columns.items()},
        invalid={name: marks[places] for name, marks in samples.invalid.items()},
    )


def _joined(parts: list[Column], order: NDArray | None) -> Column:
    first = parts[0]
    labels = first.labels
    if labels is not None and any(part.labels != labels for part in parts):
        labels = {key: label for part in parts for key, label in (part.labels or {}).items()}
    raw = _picked([part.raw for part in parts], order)
    value = None
    if first.value is not None:
        value = _picked([part.value for part in parts], order)
    return Column(raw, value, labels, first.is_text, first.terms)


def _picked(parts: list, order: NDArray | None) -> Any:
    if isinstance(parts[0], list):
        whole = [each for part in parts for each in part]
        return whole if order is None else [whole[place] for place in order.tolist()]
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return whole if order is None else whole[order]


# --- As JSON --------------------------------------------------------------------------------


def values(column: Column) -> list[Any]:
    """Return engineering values as JSON takes them: numbers, words, text, hex; None: no value."""
    if column.labels is not None:
        return [column.labels.get(raw) for raw in column.raw.tolist()]
    if column.value is not None:
        return _finite(column.value)
    if isinstance(column.raw, list):
        if column.is_text:
            return [_text(raw) for raw in column.raw]
        return [raw.hex() for raw in column.raw]
    return _finite(column.raw)


def raws(column: Column) -> list[Any]:
    """Return raw values as JSON takes them."""
    if isinstance(column.raw, list):
        return [raw.hex() for raw in column.raw]
    return _finite(column.raw)


def one(column: Column, place: int) -> tuple[Any, Any]:
    """Return the raw and the engineering value at one place, as JSON takes them."""
    if isinstance(column.raw, list):
        word = column.raw[place]
        return word.hex(), _text(word) if column.is_text else word.hex()
    raw = column.raw.item(place)
    if column.labels is not None:
        return raw, column.labels.get(raw)
    value = raw if column.value is None else column.value.item(place)
    return _or_none(raw), _or_none(value)


def _or_none(number: int | float) -> int | float | None:
    return number if isinstance(number, int) or math.isfinite(number) else None


def numbers(column: Column, *, is_raw: bool = False) -> NDArray[np.float64] | None:
    """Return what of a column can be drawn on an axis, NaN where there is no value; None when it
    holds words, labels or bytes."""
    if isinstance(column.raw, list) or (column.labels is not None and not is_raw):
        return None
    return (column.raw if is_raw or column.value is None else column.value).astype(np.float64)


def _text(raw: bytes) -> str:
    """Return a text without its fill of zeros; PostgreSQL's JSON takes none in the middle."""
    return raw.decode("utf-8", "replace").rstrip("\0").replace("\0", "\ufffd")


def _finite(numbers: NDArray) -> list[Any]:
    listed = numbers.tolist()
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        return [x if np.isfinite(x) else None for x in listed]
    return listed

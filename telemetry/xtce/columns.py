"""The columns of one container's packets: where their bits lie, and what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import bits, blocks, layout, model, values, walking

Column = NDArray | list


class Unreadable(ValueError):
    """Values that mean nothing; `rows` are those of the packets that have them."""

    def __init__(self, message: str, rows: list[int]) -> None:
        super().__init__(message)
        self.rows = rows


class _Found:
    """Where one leaf was found: the rows, and for each the offset and the size in bits."""

    __slots__ = ("leaf", "offsets", "rows", "sizes")

    def __init__(self, leaf: layout.Leaf) -> None:
        self.leaf = leaf
        self.rows: list[int] = []
        self.offsets: list[int] = []
        self.sizes: list[int] = []


class Reader:
    """Packets of one container. `indices` are those that can be read to their end; of the others
    `refused` is told the reason. `rows` are all of them in one piece when they have one length."""

    def __init__(
        self,
        plan: layout.Plan,
        program: walking.Program,
        packets: Sequence[bytes],
        indices: Sequence[int],
        refused: dict[int, str],
        rows: bytes,
        together: blocks.Blocks,
    ) -> None:
        self._plan = plan
        self._together = together if plan.is_fixed else None
        self._found: dict[str, _Found] = {}
        self.indices = indices
        if not plan.is_fixed:
            self.indices = self._walk(program, packets, indices, refused)
        self._packets = packets
        if len(self.indices) < len(packets):
            self._packets = [packets[index] for index in self.indices]
        self._stride = stride = plan.fixed_bytes
        self._starts = None
        if not plan.is_fixed:
            lengths = np.fromiter(map(len, self._packets), np.int64, len(self._packets))
            self._starts = np.cumsum(lengths) - lengths
            self._buffer = b"".join(self._packets) + bytes(bits.PADDING_BYTES)
        elif rows:
            self._stride, self._buffer = len(packets[0]), rows
        else:
            pieces = [packet[:stride] for packet in self._packets]
            self._buffer = b"".join(pieces) + bytes(bits.PADDING_BYTES)
        self._constants = program.constants
        self._of_group: dict[str, list[str]] = {}
        self._raw: dict[str, Column] = {}
        self._values: dict[str, Column] = {}
        self._places = together.places
        self._rows: NDArray | None = None

    def _walk(
        self,
        program: walking.Program,
        packets: Sequence[bytes],
        indices: list[int],
        refused: dict[int, str],
    ) -> list[int]:
        whole: list[int] = []
        for index in indices:
            try:
                walk = program.walk(packets[index])
            except (walking.TooShort, bits.BadBits) as error:
                refused[index] = str(error)
                continue
            row = len(whole)
            whole.append(index)
            for leaf, at, size in walk.places:
                self._note(leaf, leaf.parameter.name, row, at, size)
        return whole

    def _note(self, leaf: layout.Leaf, name: str, row: int, at: int, size: int) -> None:
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = _Found(leaf)
        elif found.rows[-1] == row:
            # A second instance in one packet, as branches may give it.
            self._note(leaf, _numbered(name), row, at, size)
            return
        found.rows.append(row)
        found.offsets.append(at)
        found.sizes.append(size)

    # --- Places

    def packet(self, row: int) -> bytes:
        return self._packets[row]

    def place(self, name: str, row: int) -> tuple[int, int] | None:
        """Return offset and size in bits of a value in one packet."""
        placed = self._places.get(name)
        if placed is not None:
            assert placed.offset_bits is not None
            return placed.offset_bits, placed.leaf.fixed_bits
        found = self._found.get(name)
        if found is None or row not in found.rows:
            return None
        at = found.rows.index(row)
        return found.offsets[at], found.sizes[at]

    # --- Columns

    def groups(self) -> list[tuple[str, NDArray | None]]:
        """Return the groups that the packets have, the container's own first, with their rows;
        None: all."""
        own = self._plan.container
        found: dict[str, NDArray | None] = {}
        if self._places or any(f.leaf.group == own for f in self._found.values()):
            found[own] = None
        for name, each in self._found.items():
            group = _group(each.leaf, name)
            self._of_group.setdefault(group, []).append(name)
            if group != own and group not in found:
                found[group] = np.array(each.rows)
        return list(found.items())

    def columns(
        self, group: str, contexts: dict[str, values.Contexts]
    ) -> Iterator[tuple[str, Column, Column]]:
        """Return name, raw and engineering values of all that is in a group, as `groups` told."""
        own = group == self._plan.container
        if own:
            self._rows = None
            self._read_together()
            for name in self._places:
                raw, value = self._raw.get(name), self._values.get(name)
                if raw is None or value is None:
                    raw, value = self._read(name), self._value(name, contexts)
                yield name, raw, value
        for name in self._of_group.get(group, ()):
            self._rows = None if own else np.array(self._found[name].rows)
            raw = self._read(name)
            yield name, raw, self._value(name, contexts)

    def parameter(self, name: str) -> model.Parameter:
        return self._leaf(name).parameter

    def _leaf(self, name: str) -> layout.Leaf:
        placed = self._places.get(name)
        return placed.leaf if placed is not None else self._found[name].leaf

    def _read_together(self) -> None:
        """Read all columns that can be read together, once."""
        if self._together is not None:
            found = self._together.raw(self._buffer, len(self._packets), self._stride)
            self._raw |= found
            self._values |= self._together.values(found)
            self._together = None

    def _read(self, name: str) -> Column:
        self._read_together()
        if name not in self._raw:
            placed = self._places.get(name)
            try:
                raw = self._fixed(placed) if placed is not None else self._gathered(name)
                leaf = self._leaf(name)
                if leaf.is_written:
                    raw = values.written(leaf.parameter.type, list(raw))
            except bits.BadBits as error:
                rows = np.flatnonzero(error.rows).tolist()
                if placed is None:
                    rows = [self._found[name].rows[row] for row in rows]
                raise Unreadable(f"{name} {error}", rows) from None
            self._raw[name] = raw
        return self._raw[name]

    def _fixed(self, placed: layout.Field) -> Column:
        leaf, at = placed.leaf, placed.offset_bits
        assert at is not None
        if self._starts is not None:
            starts = self._starts * 8 + at
            if leaf.is_number:
                column = bits.gather(self._buffer, starts, leaf.fixed_bits)
                return bits.number(leaf.encoding, column)
            return [bits.octets_of(packet, at, leaf.fixed_bits) for packet in self._packets]
        n, stride = len(self._packets), self._stride
        if leaf.stored and at % 8 == 0:
            stored, wanted = leaf.stored
            first = at // 8
            return np.ndarray((n,), stored, self._buffer, first, (stride,)).astype(wanted)
        if leaf.is_number:
            column = bits.read(self._buffer, n, stride, at, leaf.fixed_bits)
            return bits.number(leaf.encoding, column)
        if at % 8 == 0 and leaf.fixed_bits % 8 == 0:
            first, end = at // 8, (at + leaf.fixed_bits) // 8
            return [self._buffer[s + first : s + end] for s in range(0, n * stride, stride)]
        return [bits.octets_of(packet, at, leaf.fixed_bits) for packet in self._packets]

    def _gathered(self, name: str) -> Column:
        found = self._found[name]
        if not found.leaf.is_number:
            return [
                bits.octets_of(self._packets[row], at, size)
                for row, at, size in zip(found.rows, found.offsets, found.sizes, strict=True)
            ]
        assert self._starts is not None
        starts = self._starts[np.array(found.rows)] * 8 + np.array(found.offsets)
        column = bits.gather(self._buffer, starts, found.leaf.fixed_bits)
        return bits.number(found.leaf.encoding, column)

    def _value(self, name: str, contexts: dict[str, values.Contexts]) -> Column:
        self._read_together()
        if name not in self._values:
            leaf = self._leaf(name)
            tests = contexts.get(name)
            if tests is None:
                tests = values.contexts(leaf.parameter.type, self._plan.type_of)
            self._values[name] = values.engineering(
                leaf.parameter.type, self._read(name), self.get, tests
            )
        return self._values[name]

    def get(self, reference: model.Reference) -> Any:
        """Return the column that a reference names, in the rows that are being read; None if
        packets do not have it."""
        name = self._named(reference.name)
        if name is None:
            return self._constants.get((reference.name, reference.is_calibrated))
        rows, found = self._rows, self._found.get(name)
        if not reference.is_calibrated:
            column = self._read(name)
        else:
            column = self._value(name, {})
        column = _array(column)
        if found is None or len(found.rows) == len(self.indices):
            return column if rows is None else column[rows]
        whole = np.full(len(self.indices), None, object)
        whole[found.rows] = column
        return whole if rows is None else whole[rows]

    def _named(self, name: str) -> str | None:
        if name in self._places or name in self._found or name in self._values:
            return name
        for placed in reversed(self._places.values()):
            if placed.leaf.key == name:
                return placed.parameter.name
        return None

    def add(self, name: str, raw: Column, value: Column) -> None:
        """Take a column that was made, so that others may be made of it."""
        self._raw[name], self._values[name] = raw, value


def _array(column: Column) -> NDArray:
    if isinstance(column, np.ndarray):
        return column
    found = np.empty(len(column), object)
    found[:] = column
    return found


def _numbered(name: str) -> str:
    base, _, number = name.rpartition("#")
    return f"{base}#{int(number) + 1}" if base and number.isdigit() else f"{name}#2"


def _group(leaf: layout.Leaf, name: str) -> str:
    """Return the group of a column; a further instance has its own."""
    return leaf.group if name == leaf.parameter.name else f"{leaf.group}{name[name.rfind('#') :]}"

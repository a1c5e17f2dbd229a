"""A definition compiled: many packets in, one table of columns a container out.

Fields whose place is fixed are read for all packets of a container at once; from the first field
of varying length on, packet by packet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from telemetry.xtce import bits, layout, model, selection


@dataclass(slots=True)
class Table:
    """The packets of one container, by columns.

    `indices` says which of the packets given the rows are. `raw` holds int64, uint64 or float64
    arrays, or lists of bytes; `values` the engineering values: numbers, labels (None: the
    definition has none), booleans, text, bytes, and times as int64 ns since 1970-01-01 UTC.
    """

    container: str
    indices: list[int]
    raw: dict[str, NDArray | list[bytes]] = field(default_factory=dict)
    values: dict[str, NDArray | list] = field(default_factory=dict)


@dataclass(slots=True)
class Decoded:
    """Tables by container, and for each packet that is in none of them the reason."""

    tables: list[Table]
    refused: dict[int, str]

    def __iter__(self) -> Iterator[Table]:
        return iter(self.tables)


class Definition:
    """A space system ready to decode with."""

    def __init__(self, system: model.SpaceSystem) -> None:
        self.system = system
        self.plans = {name: layout.plan(system, name) for name in system.containers}
        self._tree = selection.Tree(system, self.plans)

    @property
    def parameters(self) -> dict[str, model.Parameter]:
        return self.system.parameters

    def container_of(self, packet: bytes) -> str:
        """Return the name of the container; selection.NoContainer says why there is none."""
        return self._tree.container_of(packet)

    def decode(self, packets: Sequence[bytes]) -> Decoded:
        """Decode packets, each whole with its primary header, container by container."""
        refused: dict[int, str] = {}
        members: dict[str, list[int]] = defaultdict(list)
        for index, packet in enumerate(packets):
            try:
                name = self._tree.container_of(packet)
            except selection.NoContainer as error:
                refused[index] = str(error)
                continue
            if len(packet) < self.plans[name].fixed_bytes:
                refused[index] = f"{len(packet)} bytes are too few for {name}"
                continue
            members[name].append(index)
        tables = [
            _table(self.plans[name], packets, indices, refused) for name, indices in members.items()
        ]
        return Decoded([table for table in tables if table.indices], refused)


def _table(
    plan: layout.Plan, packets: Sequence[bytes], indices: list[int], refused: dict[int, str]
) -> Table:
    tails: list[dict] = []
    if not plan.is_fixed:
        indices, tails = _tails(plan, packets, indices, refused)
    table = Table(plan.container, indices)
    stride = plan.fixed_bytes
    rows = b"".join([packets[index][:stride] for index in indices]) + bytes(bits.PADDING_BYTES)
    for placed in plan.fields:
        name, kind = placed.parameter.name, placed.parameter.type
        if placed.is_fixed:
            raw = _column(placed, rows, len(indices), stride)
        else:
            raw = [tail[name] for tail in tails]
            raw = np.array(raw) if placed.is_number else raw
        since = kind.reference.epoch_ns
        if kind.reference.parameter:
            since = table.values[kind.reference.parameter]
        table.raw[name] = raw
        table.values[name] = layout.engineering(kind, raw, since)
    return table


def _tails(
    plan: layout.Plan, packets: Sequence[bytes], indices: list[int], refused: dict[int, str]
) -> tuple[list[int], list[dict]]:
    """Read packets of varying length one by one; return which of them had all, and the values."""
    whole, tails = [], []
    for index in indices:
        try:
            tails.append(layout.scalar(plan, packets[index]))
            whole.append(index)
        except layout.TooShort as error:
            refused[index] = str(error)
    return whole, tails


def _column(placed: layout.Field, rows: bytes, n: int, stride: int) -> NDArray | list[bytes]:
    size, offset = placed.fixed_bits, placed.offset_bits
    if placed.is_number:
        column = bits.read(rows, n, stride, offset, size)
        return layout.number(placed.parameter.type.encoding, column)
    starts = range(0, n * stride, stride)
    if offset % 8 == 0:
        first, end = offset // 8, (offset + size) // 8
        return [rows[start + first : start + end] for start in starts]
    return [
        layout.bits_of(rows[start : start + stride], offset, size).to_bytes(size // 8)
        for start in starts
    ]

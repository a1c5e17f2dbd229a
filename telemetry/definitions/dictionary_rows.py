"""Rows of dictionaries into packets and their fields, each cell held to what its column takes."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from typing import Any

COLUMNS = (
    *("name", "data_type", "bit_length", "packet", "apid", "bit_offset", "array_shape"),
    *("array_order", "byte_order", "unit", "description", "labels", "polynomial", "spline"),
)
MOST_ROWS = 100_000
LONGEST_CELL = 10_000
_KINDS = {
    "uint": "uint",
    "int": "int",
    "float": "float",
    "str": "str",
    "string": "str",
    "bytes": "bytes",
    "binary": "bytes",
    "bool": "bool",
    "boolean": "bool",
    "fill": "fill",
}
_SHORT = re.compile(r"(U|I|F|D)(\d+)")
_SHORTS = {"U": "uint", "I": "int", "F": "float", "D": "float"}
_NAME = re.compile(r"[^/:\[\]\s]+")
_LABEL = re.compile(r"\s*(-?\w+)(?:\.\.(-?\w+))?\s*=\s*(.+?)\s*")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a cell. Rows count from 1, the row of the names."""

    row: int
    column: str
    detail: str

    def as_json(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "detail": self.detail}


class BadDictionary(ValueError):
    """The file is no dictionary; `faults` says where."""

    def __init__(self, faults: list[Fault]) -> None:
        first = faults[0]
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(f"row {first.row}, column {first.column}: {first.detail}{more}")
        self.faults = faults


@dataclass(slots=True)
class Item:
    """One row, understood."""

    row: int
    name: str
    kind: str
    bits: int
    offset_bits: int | None
    shape: tuple[int, ...] = ()
    counted_by: str = ""
    expands: bool = False
    is_little: bool = False
    cells: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Packet:
    name: str
    apid: int | None = None
    items: list[Item] = field(default_factory=list)


def read(data: bytes) -> list[Packet]:
    """Return the packets of a dictionary."""
    return _Reader().read(data)


class _Reader:
    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.packets: dict[str, Packet] = {}

    def read(self, data: bytes) -> list[Packet]:
        try:
            text = data.decode("utf-8-sig")
            lines = io.StringIO(text, newline="")
            rows = list(csv.reader(lines, strict=True, skipinitialspace=True))
        except UnicodeDecodeError as error:
            row = data.count(b"\n", 0, error.start) + 1
            raise BadDictionary([Fault(row, "", "is no text in UTF-8")]) from None
        except csv.Error as error:
            raise BadDictionary([Fault(1, "", f"is no CSV: {error}")]) from None
        if not rows or len(rows) > MOST_ROWS:
            raise BadDictionary([Fault(1, "", f"has {len(rows)} rows, not 1 to {MOST_ROWS}")])
        names = [cell.strip() for cell in rows[0]]
        self._check_names(names)
        for number, cells in enumerate(rows[1:], 2):
            if any(cell.strip() for cell in cells):
                self._row(number, names, cells)
        if not self.faults and not any(p.items for p in self.packets.values()):
            self._fault(1, "name", "there is no row below")
        self._check_packets()
        if self.faults:
            raise BadDictionary(self.faults)
        return list(self.packets.values())

    def _fault(self, row: int, column: str, detail: str) -> None:
        self.faults.append(Fault(row, column, detail))

    def _check_names(self, names: list[str]) -> None:
        for name in ("name", "data_type", "bit_length"):
            if name not in names:
                self._fault(1, name, "there is no such column")
        for name in names:
            if name not in COLUMNS:
                self._fault(1, name, f"is no column; those known are {', '.join(COLUMNS)}")
            elif names.count(name) > 1:
                self._fault(1, name, "is there twice")
        if self.faults:
            raise BadDictionary(self.faults)

    def _row(self, row: int, names: list[str], cells: list[str]) -> None:
        if len(cells) != len(names):
            self._fault(row, "", f"has {len(cells)} cells for {len(names)} columns")
            return
        given = dict(zip(names, (cell.strip() for cell in cells), strict=True))
        for column, cell in given.items():
            if len(cell) > LONGEST_CELL or any(ord(each) < 32 for each in cell):
                self._fault(row, column, "has characters that no cell has, or too many")
                return
        written, bracket, shape = given["data_type"].partition("(")
        if bracket and shape.endswith(")"):
            if given.get("array_shape"):
                self._fault(row, "array_shape", f"stands beside {given['data_type'][:40]}")
            given.update(data_type=written.strip(), array_shape=shape[:-1])
        packet = self._packet(row, given)
        kind, bits = self._type(row, given)
        if not _NAME.fullmatch(given["name"]) and kind != "fill":
            self._fault(row, "name", f'"{given["name"][:60]}" is no name')
        if any(item.name == given["name"] for item in packet.items) and kind != "fill":
            self._fault(row, "name", f"{given['name'][:60]} is in {packet.name} twice")
        item = Item(row, given["name"], kind, bits, self._number(row, "bit_offset", given))
        item.cells = given
        self._shape(row, given, packet, item)
        order = given.get("byte_order", "") or "big"
        if order not in ("big", "little"):
            self._fault(row, "byte_order", f'"{order[:20]}" is neither big nor little')
        item.is_little = order == "little" and bits > 8
        if item.is_little and (bits % 8 or kind not in ("uint", "int", "float", "bool")):
            self._fault(row, "byte_order", "little needs a number of whole bytes")
        self._check_meaning(row, given, kind)
        packet.items.append(item)

    def _packet(self, row: int, given: dict[str, str]) -> Packet:
        name = given.get("packet", "") or "packet"
        if not _NAME.fullmatch(name):
            self._fault(row, "packet", f'"{name[:60]}" is no name')
        packet = self.packets.setdefault(name, Packet(name))
        apid = self._number(row, "apid", given)
        if apid is not None:
            if not 0 <= apid <= 0x7FF:
                self._fault(row, "apid", f"{apid} is not from 0 to 2047")
            elif packet.apid not in (None, apid):
                self._fault(row, "apid", f"{name[:60]} has the APID {packet.apid} already")
            packet.apid = apid
        return packet

    def _number(self, row: int, column: str, given: dict[str, str]) -> int | None:
        text = given.get(column, "")
        if not text:
            return None
        try:
            found = int(text, 0) if len(text) < 20 else -1
        except ValueError:
            found = -1
        if found < 0:
            self._fault(row, column, f'"{text[:20]}" is no whole number')
            return None
        return found

    def _type(self, row: int, given: dict[str, str]) -> tuple[str, int]:
        written = given["data_type"]
        bits = self._number(row, "bit_length", given)
        if short := _SHORT.fullmatch(written):
            kind, size = _SHORTS[short[1]], int(short[2])
            if bits not in (None, size):
                self._fault(row, "bit_length", f"{bits} is not the {size} of {written}")
            bits = size
        elif written in _KINDS:
            kind = _KINDS[written]
        else:
            self._fault(row, "data_type", f'"{written[:20]}" is none of {", ".join(_KINDS)}')
            return "uint", 8
        if bits is None or (bits == 0 and kind not in ("str", "bytes")):
            if not any(f.row == row and f.column == "bit_length" for f in self.faults):
                self._fault(row, "bit_length", "there is no length")
            return kind, 8
        allowed = {"float": bits in (16, 32, 64), "str": bits % 8 == 0}
        most = bits <= 64 or kind in ("str", "bytes", "fill")
        if not allowed.get(kind, True) or not most or bits > 524_288:
            self._fault(row, "bit_length", f"{bits} bits are no length of {kind}")
        return kind, bits

    def _shape(self, row: int, given: dict[str, str], packet: Packet, item: Item) -> None:
        text = given.get("array_shape", "").strip("()[] ")
        if given.get("array_order", "") not in ("", "C"):
            self._fault(row, "array_order", "only C, the last index running fastest, is done")
        if not text or text == "none":
            return
        if item.kind == "fill":
            self._fault(row, "array_shape", "a fill has no elements")
        if text == "expand":
            item.expands = True
            if item.kind not in ("str", "bytes", "uint") or item.bits != 8:
                self._fault(row, "array_shape", "expand is for bytes: uint, str or bytes of 8 bits")
            return
        counting = [each for each in packet.items if each.name == text and each.kind == "uint"]
        if counting:
            item.counted_by = text
            return
        try:
            item.shape = tuple(int(part) for part in text.rstrip(",").split(","))
        except ValueError:
            self._fault(row, "array_shape", f'"{text[:40]}" are no sizes, nor a uint before it')
            return
        total = 1
        for size in item.shape:
            total *= size
        if any(size < 1 for size in item.shape) or total > 65_536:
            self._fault(row, "array_shape", f'"{text[:40]}" are no sizes')
            item.shape = ()

    def _check_meaning(self, row: int, given: dict[str, str], kind: str) -> None:
        meanings = [c for c in ("labels", "polynomial", "spline") if given.get(c)]
        for column in meanings[1:]:
            self._fault(row, column, f"stands beside {meanings[0]}")
        if meanings and kind not in ("uint", "int", "float"):
            self._fault(row, meanings[0], f"means nothing for {kind}")
        for column, reading in (("labels", labels), ("polynomial", floats), ("spline", points)):
            if given.get(column):
                try:
                    reading(given[column])
                except ValueError as error:
                    self._fault(row, column, str(error)[:200])

    def _check_packets(self) -> None:
        apids: dict[int, str] = {}
        for packet in self.packets.values():
            if packet.apid is None and len(self.packets) > 1:
                self._fault(packet.items[0].row, "apid", f"{packet.name} has no APID")
            elif packet.apid in apids:
                first = packet.items[0].row
                self._fault(first, "apid", f"{packet.apid} is that of {apids[packet.apid]} too")
            elif packet.apid is not None:
                apids[packet.apid] = packet.name
            moves = False
            for place, item in enumerate(packet.items, 1):
                moves = (moves and item.offset_bits is None) or bool(item.counted_by)
                if item.expands and place < len(packet.items):
                    self._fault(item.row, "array_shape", "expand leaves nothing for what follows")
                if item.expands and moves:
                    self._fault(item.row, "array_shape", "expand needs a place that is known")


# --- Cells ----------------------------------------------------------------------------------


def labels(text: str) -> list[tuple[int, int, str]]:
    """Return (first, last, label) of each part of a cell of labels."""
    found = []
    for part in text.split("|"):
        match = _LABEL.fullmatch(part)
        if match is None:
            raise ValueError(f'"{part[:40]}" is no label like 0=OFF or 2..7=SPARE')
        first = int(match[1], 0)
        last = int(match[2], 0) if match[2] else first
        if last < first:
            raise ValueError(f'"{part[:40]}" ends before it begins')
        found.append((first, last, match[3]))
    return found


def floats(text: str) -> list[float]:
    found = [float(part) for part in text.replace(",", " ").split()]
    if not found or any(abs(each) == float("inf") or each != each for each in found):
        raise ValueError("are no numbers")
    return found


def points(text: str) -> list[tuple[float, float]]:
    pairs = [part.split(":") for part in text.split()]
    if len(pairs) < 2 or any(len(pair) != 2 for pair in pairs):
        raise ValueError("are no two points or more like 0:0 100:5.5")
    found = [(float(raw), float(value)) for raw, value in pairs]
    if len({raw for raw, _ in found}) < len(found):
        raise ValueError("give two values for one raw value")
    return found

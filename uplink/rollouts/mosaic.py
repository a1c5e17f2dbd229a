"""The fleet as a mosaic of planes and slots, one square a satellite. Pure.

Colours are presentation attributes of SVG, so that a page of 2,800 needs no style of its own; each
kind has a letter or a name as well, so that colour is never alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH, HEIGHT = 840, 430
PITCH_LEAST, PITCH_MOST = 7, 56
LETTERS_FROM = 18
"""Squares smaller than this many pixels have no room for a letter."""
COLOURS = (
    "#4dacff", "#56c271", "#e8b64c", "#c78bf0", "#4fd1c5", "#f28b82", "#a3b4c6", "#e07bb5",
)  # fmt: skip
NOTHING, UNKNOWN = "#1a2635", "#3b4a5b"
LABEL_PX = 14
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Tile:
    """A satellite: where it flies, what kind of tile it is, and what there is to say about it."""

    code: str
    name: str
    plane: str
    slot: int | None
    kind: str
    title: str
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    x: int
    y: int
    fill: str
    letter: str
    code: str
    title: str
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Label:
    x: int
    y: int
    text: str
    is_upright: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the legend."""

    kind: str
    fill: str
    letter: str
    count: int


@dataclass(frozen=True, slots=True)
class Mosaic:
    width: int
    height: int
    side: int
    has_letters: bool
    cells: list[Cell]
    labels: list[Label]
    legend: list[Entry]


def lay_out(tiles: Iterable[Tile], colours: dict[str, str] | None = None) -> Mosaic:
    """Return the squares of a fleet; `colours` fixes those of some kinds.

    Planes are rows, or columns where there are more of them than slots. Kinds are lettered by how
    many there are.
    """
    planes: dict[str, list[Tile]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for tile in tiles:
        planes[tile.plane].append(tile)
        counts[tile.kind] += 1
    legend = _legend(counts, colours or {})
    shown = {entry.kind: entry for entry in legend}
    grid = _grid(len(planes), max((len(row) for row in planes.values()), default=0))
    cells, labels = [], []
    every = max(1, -(-LABEL_PX // grid.pitch))
    for number, plane in enumerate(sorted(planes, key=lambda name: (not name, name))):
        if number % every == 0:
            labels.append(grid.label(number, plane or "no plane"))
        row = sorted(planes[plane], key=lambda t: (t.slot is None, t.slot or 0, t.code))
        for place, tile in enumerate(row):
            x, y = grid.corner(number, place)
            entry = shown[tile.kind]
            cells.append(
                Cell(x, y, entry.fill, entry.letter, tile.code, tile.title, tile.is_marked)
            )
    side = grid.pitch - (1 if grid.pitch < 12 else 3)
    return Mosaic(grid.width, grid.height, side, side >= LETTERS_FROM, cells, labels, legend)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where squares lie, in pixels."""

    upright: bool
    left: int
    top: int
    pitch: int
    width: int
    height: int

    def corner(self, plane: int, place: int) -> tuple[int, int]:
        across, down = (plane, place) if self.upright else (place, plane)
        return self.left + across * self.pitch, self.top + down * self.pitch

    def label(self, plane: int, text: str) -> Label:
        x, y = self.corner(plane, 0)
        half = self.pitch // 2
        if self.upright:
            return Label(x + half + 3, self.top - 4, text, True)
        return Label(0, y + half + 3, text, False)


def _grid(planes: int, longest: int) -> _Grid:
    upright = planes > longest
    across, down = (planes, longest) if upright else (longest, planes)
    left, top = (8, 64) if upright else (96, 4)
    pitch = min((WIDTH - left) // max(across, 1), (HEIGHT - top) // max(down, 1))
    pitch = max(PITCH_LEAST, min(PITCH_MOST, pitch))
    return _Grid(upright, left, top, pitch, left + across * pitch, top + down * pitch)


def _legend(counts: Counter[str], colours: dict[str, str]) -> list[Entry]:
    free = iter(COLOURS)
    entries = []
    for number, (kind, count) in enumerate(sorted(counts.items(), key=lambda one: -one[1])):
        fill = colours.get(kind) or next(free, UNKNOWN)
        letter = LETTERS[number] if number < len(LETTERS) else ""
        entries.append(Entry(kind, fill, letter, count))
    return entries

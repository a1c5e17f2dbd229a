"""A transfer as a bar of packs, coloured by the contact or laser link that brought each. Pure.

Colours are presentation attributes of SVG, as in the mosaic of the fleet; each contact has a number
besides, so that colour is never alone. What came over laser links has colours of its own, and a
dot on each pack.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH = 880
COLOURS = (
    "#4dacff", "#56c271", "#e8b64c", "#c78bf0", "#4fd1c5", "#f28b82", "#a3b4c6", "#e07bb5",
)  # fmt: skip
LASER_COLOURS = ("#ff5fa2", "#ff8f3f", "#d65cff", "#ffd84a", "#ff7a6b", "#b48cff")
DOT = "#041322"
"""On a pack that came over a laser link."""
TO_GO, ELSEWHERE = "#1a2635", "#6d8299"
ROW_PACKS = 120
"""So many packs stand in one row; of more, the rows are as many as it takes."""
HEIGHTS = ((1, 34), (4, 18), (16, 10))
HEIGHT_LEAST = 6


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack: how much of it is on board, by which carrier; "" for none of the contacts."""

    number: int
    size_bytes: int
    held_bytes: int
    carrier: str
    is_under_way: bool = False
    is_by_laser: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """A pack's place; `filled` of its width is on board."""

    x: float
    y: float
    filled: float
    fill: str
    is_under_way: bool
    title: str
    dot_x: float | None = None
    """Middle of the dot of a pack that came over a laser link."""


@dataclass(frozen=True, slots=True)
class Bar:
    width: int
    height: int
    cell_width: float
    cell_height: int
    to_go: str
    cells: list[Cell]
    dot_radius: float
    """Of packs that came over laser links; as large as the cells allow."""
    dot: str = DOT

    @property
    def half_height(self) -> int:
        return self.cell_height // 2


def colours_of(carriers: Sequence[str], lasers: Sequence[str] = ()) -> dict[str, str]:
    """Return a colour for each contact and each satellite that gave packs over a laser link, in
    their order; of each kind they come again after the last."""
    return {
        one: colours[place % len(colours)]
        for named, colours in ((carriers, COLOURS), (lasers, LASER_COLOURS))
        for place, one in enumerate(named)
    }


def lay_out(packs: Iterable[Pack], names: dict[str, str], colours: dict[str, str]) -> Bar:
    """Return the bar of all packs; `names` says what to call each carrier."""
    rows = list(packs)
    across = min(len(rows), ROW_PACKS) or 1
    lines = -(-len(rows) // across)
    height = next((tall for most, tall in HEIGHTS if lines <= most), HEIGHT_LEAST)
    pitch = WIDTH / across
    gap = 1.5 if pitch > 4 else 0.5
    cells = [
        _cell(
            pack,
            (place % across * pitch, place // across * (height + 2)),
            pitch - gap,
            names.get(pack.carrier, ""),
            colours.get(pack.carrier, ELSEWHERE),
        )
        for place, pack in enumerate(rows)
    ]
    width = round(pitch - gap, 2)
    radius = round(min(width, height, 12) / 4, 2)
    return Bar(WIDTH, lines * (height + 2), width, height, TO_GO, cells, radius)


def _cell(pack: Pack, corner: tuple[float, float], width: float, carrier: str, fill: str) -> Cell:
    part = min(pack.held_bytes / pack.size_bytes, 1.0) if pack.size_bytes else 1.0
    said = f"pack {pack.number}: "
    if part >= 1.0:
        said += f"acknowledged, {carrier or 'was on board already'}"
    elif part > 0.0 or pack.is_under_way:
        said += f"{100 * part:.0f} % acknowledged, {carrier or 'under way'}"
    else:
        said += "to go"
    left = round(corner[0], 2)
    dot_x = round(left + width / 2, 2) if pack.is_by_laser else None
    return Cell(left, corner[1], round(part * width, 2), fill, pack.is_under_way, said, dot_x)

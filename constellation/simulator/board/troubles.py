"""What is wrong with one satellite: set over the control socket, and kept over restarts.

Faults of hardware, not of links (`ground.channel.Faults`): what the ground's limits are there for.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path

from constellation.simulator import clock


@dataclass(frozen=True)
class Troubles:
    """Nothing is wrong by default."""

    heat_c: float = 0.0
    """So much hotter the accelerator runs than it should."""
    power_w: float = 0.0
    """So much more it draws."""
    corrected_per_s: float = 0.0
    """Memory errors put right, besides the usual ones."""
    uncorrected_per_s: float = 0.0
    charge_most: float = 1.0
    """Share of the battery's charge that its cells still take."""
    panels_share: float = 1.0
    """Share of the panels' power that is left."""
    lasers_down: float = 0.0
    """1: no terminal finds a partner."""
    is_silent: float = 0.0
    """1: the transmitter is off."""

    def changed(self, wanted: dict[str, float]) -> Troubles:
        """Return these troubles with others in their place; ValueError names what cannot be."""
        known = asdict(self)
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"{name}: one of {', '.join(known)}")
            number = float(value)
            is_share = name in ("charge_most", "panels_share", "lasers_down", "is_silent")
            if not isfinite(number) or number < 0 or (is_share and number > 1):
                raise ValueError(f"{name}={value!r}")
            known[name] = number
        return Troubles(**known)


NONE = Troubles()


def load(path: Path) -> Troubles:
    """Return the troubles a satellite was left with; a new one has none."""
    try:
        kept = json.loads(path.read_bytes())
    except FileNotFoundError:
        return NONE
    known = {field.name for field in fields(Troubles)}
    return Troubles(**{name: value for name, value in kept.items() if name in known})


def save(path: Path, troubles: Troubles) -> None:
    clock.replace(path, json.dumps(asdict(troubles)).encode())

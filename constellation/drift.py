"""How far a new element set disagrees with the one flown before it, at its epoch and after."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from constellation import catalogue
from constellation.models import ElementSet
from constellation.orbits import drift

DAY_S = 86_400.0
STEP_S = 600.0
"""Nine points an orbit: the largest of a day is met to a few per cent."""


def drifts(
    pairs: Sequence[tuple[ElementSet, ElementSet]], now: datetime
) -> list[dict[str, Any] | None]:
    """Compare old and new rows of record, pair by pair; None where one cannot be flown.

    The day begins at the new one's epoch, or now where that lies still ahead.
    """
    if not pairs:
        return []
    starts_s = np.array([min(new.epoch_at, now).timestamp() for _, new in pairs])
    steps_s = np.arange(0.0, DAY_S + 1.0, STEP_S)
    which = np.repeat(np.arange(len(pairs)), len(steps_s))
    at_s = (starts_s[:, None] + steps_s).ravel()
    old_m, _ = catalogue.orbits([old for old, _ in pairs]).states_of(which, at_s)
    new_m, new_m_s = catalogue.orbits([new for _, new in pairs]).states_of(which, at_s)
    found = drift.apart(old_m, new_m, new_m_s)
    shape = len(pairs), len(steps_s)
    columns = {
        name: getattr(found, name).reshape(shape)
        for name in ("radial_m", "along_m", "cross_m", "distance_m", "along_s")
    }
    return [
        _told(old, start_s, {name: column[k] for name, column in columns.items()})
        for k, ((old, _), start_s) in enumerate(zip(pairs, starts_s, strict=True))
    ]


def _told(old: ElementSet, start_s: float, columns: dict[str, np.ndarray]) -> dict | None:
    if not np.isfinite(columns["distance_m"][0]):
        return None
    return {
        "against": old.pk,
        "from": datetime.fromtimestamp(start_s, UTC).isoformat().replace("+00:00", "Z"),
        "at_epoch": {name: _rounded(name, values[0]) for name, values in columns.items()},
        "over_day": {name: _rounded(name, _largest(values)) for name, values in columns.items()},
    }


def _largest(values: np.ndarray) -> float:
    """Return the value farthest from zero, with its sign."""
    return float(values[np.nanargmax(np.abs(values))])


def _rounded(name: str, value: float) -> float:
    return round(float(value), 4 if name.endswith("_s") else 1)

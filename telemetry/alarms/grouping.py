"""One cause on 400 satellites is one line: what the members of a group have in common. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MEMBERS_LEAST = 3
"""Of fewer, having something in common explains nothing."""
SHARE_LEAST = 0.9
"""So many of the members share what explains them."""
LIFT_LEAST = 2.0
"""And so many times as large is their share as that of the whole fleet."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What the members share: all but a few of them, and of the fleet far fewer."""

    attribute: str
    value: str
    members: int
    """That have it."""
    fleet: int
    """Satellites that have it at all."""


def explain(
    members: Sequence[dict[str, str]], fleet: dict[str, Counter[str]], size: int
) -> list[Cause]:
    """Return what sets the members apart from the fleet, the most telling first.

    Parameters
    ----------
    members
        Of each its plane, profile, role and so on; an empty value is none.
    fleet
        By attribute, how many satellites of the whole fleet have each value.
    size
        How many satellites the fleet has.
    """
    if len(members) < MEMBERS_LEAST or not size:
        return []
    found = []
    for attribute, counted in fleet.items():
        values = Counter(member.get(attribute, "") for member in members)
        value, count = values.most_common(1)[0]
        share, usual = count / len(members), counted[value] / size
        if value and share >= SHARE_LEAST and usual and share / usual >= LIFT_LEAST:
            found.append((share / usual, Cause(attribute, value, count, counted[value])))
    found.sort(key=lambda each: -each[0])
    return [cause for _, cause in found]

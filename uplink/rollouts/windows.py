"""When a satellite may change its model: power, warmth, light, and nobody being answered. Pure.

What is not known, or not lately, is not safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uplink.rollouts import reading

STALE_AFTER_S = 30.0
PARAMETERS = (
    "battery_charge", "accelerator_temperature", "sunlight", "queries_running", "queries_queued",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of the safe window. Charge from 0 to 1, temperature in degrees Celsius."""

    min_charge: float = 0.3
    max_temperature_c: float = 75.0
    in_sunlight: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """The newest value of a parameter: engineering and raw, and how long ago it was made."""

    value: Any
    raw: Any
    age_s: float


def parse(given: Any) -> Rules:
    """Read the safe window of a rollout; raises `reading.Malformed`."""
    known = ("min_charge", "max_temperature_c", "in_sunlight")
    found = reading.fields(given, known, "safe_window")
    rules = Rules()
    return Rules(
        reading.number(
            found.get("min_charge", rules.min_charge), "safe_window.min_charge", 0.0, 1.0
        ),
        reading.number(
            found.get("max_temperature_c", rules.max_temperature_c),
            "safe_window.max_temperature_c",
            -100.0,
            150.0,
        ),
        reading.truth(found.get("in_sunlight", False), "safe_window.in_sunlight"),
    )


def on_board(rules: Rules, *, gently: bool) -> dict[str, Any]:
    """Return the limits as a telecommand takes them, to be looked at on board at an instant."""
    return {
        "min_charge": rules.min_charge,
        "max_temperature_c": rules.max_temperature_c,
        "in_sunlight": rules.in_sunlight,
        "queues_empty": gently,
    }


def told(rules: Rules) -> str:
    """Return the limits as people say them."""
    said = (
        f"battery at least {100 * rules.min_charge:.0f} %, "
        f"accelerator at most {rules.max_temperature_c:.0f} °C"
    )
    return f"{said}, in sunlight" if rules.in_sunlight else said


def is_heard(seen: Mapping[str, Value]) -> bool:
    """Say whether all that a safe window asks for is known, and lately."""
    return all(name in seen and seen[name].age_s <= STALE_AFTER_S for name in PARAMETERS)


def objection(
    rules: Rules, seen: Mapping[str, Value], *, gently: bool, open_questions: int = 0
) -> str:
    """Return why the model must not be changed now, or nothing when it may.

    `gently` waits for queues to be empty as well, on board and on the ground.
    """
    for name in PARAMETERS:
        if name not in seen or seen[name].value is None:
            return f"{name} is not known"
        if seen[name].age_s > STALE_AFTER_S:
            return f"{name} was last heard {seen[name].age_s:.0f} s ago"
    charge, heat = seen["battery_charge"].value, seen["accelerator_temperature"].value
    # Written so that NaN objects.
    if not charge >= rules.min_charge:
        return (
            f"the battery is at {100 * charge:.0f} %, and {100 * rules.min_charge:.0f} % is least"
        )
    if not heat <= rules.max_temperature_c:
        return f"the accelerator has {heat:.0f} °C, and {rules.max_temperature_c:.0f} is most"
    if rules.in_sunlight and seen["sunlight"].raw != 2:
        return "it is in eclipse"
    if running := seen["queries_running"].value:
        return f"{running} question is being answered"
    if gently and (queued := seen["queries_queued"].value):
        return f"{queued} questions wait on board"
    if gently and open_questions:
        return f"{open_questions} questions are on their way to it"
    return ""

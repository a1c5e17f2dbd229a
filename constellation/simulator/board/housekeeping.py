"""Housekeeping: power over eclipses, temperatures, accelerator, memory errors, links.

A small thermal and electrical model, stepped from sample to sample and kept on disk; its noise
comes from the seed, the satellite and the instant, so that a catch-up after days tells the same
story as having watched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import exp
from pathlib import Path

import numpy as np

from constellation.orbits.eclipse import Light
from constellation.simulator import clock, space
from constellation.simulator.board.troubles import NONE, Troubles
from telemetry import onboard
from telemetry.onboard import Apid, Mode, Slot, SlotState

BATTERY_J = 1_500.0 * 3_600.0
PANELS_W = 1_000.0
PLATFORM_W = 210.0
ACCELERATOR_IDLE_W = 22.0
ACCELERATOR_FULL_W = 320.0
CHARGE_EFFICIENCY = 0.93
LINKS_MOST = 255
"""What the layout can count."""
CORRECTED_PER_S = 2e-3
"""Memory errors put right, on average; a planning value for an orbit of 500 km."""
UNCORRECTED_PER_S = 2e-7


@dataclass(frozen=True)
class Condition:
    """The slow state of a satellite: fractions, degrees Celsius, counts."""

    at_s: float
    charge: float = 0.86
    battery_c: float = 17.0
    panel_c: float = 35.0
    radiator_c: float = -4.0
    structure_c: float = 14.0
    accelerator_c: float = 26.0
    corrected: int = 0
    uncorrected: int = 0


@dataclass(frozen=True)
class Activity:
    """What the rest of the satellite is doing."""

    boot_s: float
    in_contact: bool = False
    is_safe: bool = False
    slots: tuple[tuple[SlotState, str], tuple[SlotState, str]] = ((SlotState.EMPTY, ""),) * 2
    active: str = ""
    model_bytes: int = 0
    tokens_per_s: float = 0.0
    queued: int = 0
    running: int = 0
    answered: int = 0
    frames_good: int = 0
    frames_bad: int = 0
    packets_up: int = 0
    commands_refused: int = 0
    packs: int = 0
    storage_bytes: int = 0
    neighbours: Sequence[int] = ()
    troubles: Troubles = NONE


def load(path: Path, *, now_s: float) -> Condition:
    """Return the condition the satellite was left in; a new one begins now."""
    try:
        return Condition(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Condition(at_s=now_s)


def save(path: Path, condition: Condition) -> None:
    clock.replace(path, json.dumps(asdict(condition)).encode())


def sun_share(light: int) -> float:
    return {Light.UMBRA: 0.0, Light.PENUMBRA: 0.5}.get(light, 1.0)


def accelerator_load(activity: Activity) -> float:
    return 0.93 if activity.running else 0.02


def accelerator_w(activity: Activity) -> float:
    load_share = accelerator_load(activity)
    usual_w = ACCELERATOR_IDLE_W + (ACCELERATOR_FULL_W - ACCELERATOR_IDLE_W) * load_share
    return usual_w + activity.troubles.power_w


def panels_w(light: int, activity: Activity) -> float:
    return PANELS_W * sun_share(light) * activity.troubles.panels_share


def step(
    before: Condition, at_s: float, *, light: int, activity: Activity, drawn: np.random.Generator
) -> Condition:
    """Return the condition at `at_s`, a sample later."""
    elapsed_s = at_s - before.at_s
    share, wrong = sun_share(light), activity.troubles
    used_w = PLATFORM_W + accelerator_w(activity)
    surplus_w = panels_w(light, activity) - used_w
    stored_j = surplus_w * elapsed_s * (CHARGE_EFFICIENCY if surplus_w > 0 else 1.0)
    charge = min(wrong.charge_most, max(0.05, before.charge + stored_j / BATTERY_J))
    accelerator_goal_c = 24.0 + 0.11 * accelerator_w(activity) + wrong.heat_c

    def relaxed(value_c: float, goal_c: float, time_s: float) -> float:
        return goal_c + (value_c - goal_c) * exp(-elapsed_s / time_s)

    return replace(
        before,
        at_s=at_s,
        charge=charge,
        battery_c=relaxed(before.battery_c, 14.0 + 6.0 * share, 2_400.0),
        panel_c=relaxed(before.panel_c, -70.0 + 132.0 * share, 420.0),
        radiator_c=relaxed(before.radiator_c, -18.0 + 0.06 * accelerator_w(activity), 900.0),
        structure_c=relaxed(before.structure_c, 4.0 + 18.0 * share, 3_000.0),
        accelerator_c=relaxed(before.accelerator_c, accelerator_goal_c, 45.0),
        corrected=before.corrected
        + int(drawn.poisson((CORRECTED_PER_S + wrong.corrected_per_s) * elapsed_s)),
        uncorrected=before.uncorrected
        + int(drawn.poisson((UNCORRECTED_PER_S + wrong.uncorrected_per_s) * elapsed_s)),
    )


def packets(
    condition: Condition, *, light: int, activity: Activity, drawn: np.random.Generator
) -> list[tuple[int, int, bytes]]:
    """Return the three housekeeping packets of one instant, as the recorder takes them."""
    generated_ns = round(condition.at_s * 1e9)
    noise = drawn.normal(size=8)
    return [
        (Apid.HK_PLATFORM, generated_ns, _platform(condition, light, activity, noise)),
        (Apid.HK_COMPUTE, generated_ns, _compute(condition, activity, noise)),
        (Apid.HK_LINK, generated_ns, _link(activity)),
    ]


def _mode(activity: Activity) -> Mode:
    if activity.is_safe:
        return Mode.SAFE
    if activity.running:
        return Mode.INFERENCE
    return Mode.CONTACT if activity.in_contact else Mode.IDLE


def _platform(condition: Condition, light: int, activity: Activity, noise: np.ndarray) -> bytes:
    solar_w = max(0.0, panels_w(light, activity) * (1.0 + 0.004 * noise[0]))
    bus_v = 27.0 + 4.6 * condition.charge + 0.02 * noise[1]
    surplus_w = solar_w - PLATFORM_W - accelerator_w(activity)
    full = condition.charge >= 1.0 and surplus_w > 0
    current_a = 0.0 if full else surplus_w / bus_v
    return onboard.HK_PLATFORM_LAYOUT.pack(
        _mode(activity),
        light,
        round(condition.charge * 1e4),
        _signed(current_a * 1e3),
        round(bus_v * 1e3),
        _signed((condition.battery_c + 0.05 * noise[2]) * 100),
        _signed((condition.panel_c + 0.3 * noise[3]) * 100),
        _signed((condition.radiator_c + 0.1 * noise[4]) * 100),
        _signed((condition.structure_c + 0.05 * noise[5]) * 100),
        round(solar_w * 10),
        max(0, int(condition.at_s - activity.boot_s)),
    )


def _compute(condition: Condition, activity: Activity, noise: np.ndarray) -> bytes:
    load_share = min(1.0, max(0.0, accelerator_load(activity) + 0.01 * noise[6]))
    (state_a, digest_a), (state_b, digest_b) = activity.slots
    return onboard.HK_COMPUTE_LAYOUT.pack(
        round(load_share * 1e4),
        _signed((condition.accelerator_c + 0.1 * noise[7]) * 100),
        round(accelerator_w(activity) * 10),
        condition.corrected,
        condition.uncorrected,
        min(0xFFFF, 512 + activity.model_bytes // 2**20),
        min(0xFFFF, round(activity.tokens_per_s * 100)),
        state_a,
        state_b,
        _digest(digest_a),
        _digest(digest_b),
        _digest(activity.active),
        min(0xFFFF, activity.queued),
        activity.running,
        activity.answered,
    )


def _link(activity: Activity) -> bytes:
    linked = list(activity.neighbours[:LINKS_MOST])
    head = onboard.HK_LINK_LAYOUT.pack(
        activity.frames_good,
        activity.frames_bad,
        activity.packets_up,
        activity.commands_refused,
        len(linked),
        activity.packs,
        min(0xFFFFFFFF, activity.storage_bytes // 2**20),
        len(linked),
    )
    return head + b"".join(entity_id.to_bytes(2) for entity_id in linked)


def _digest(digest: str) -> bytes:
    return bytes.fromhex(digest) if digest else onboard.NO_DIGEST


def _signed(value: float) -> int:
    return max(-32768, min(32767, round(value)))


def draws(seed: int, code: str, at_s: float) -> np.random.Generator:
    """Return the random numbers of one satellite at one instant."""
    return space.generator(seed, code, str(int(at_s)))


def slot_fields(state: dict[Slot, SlotState], digest: dict[Slot, str]) -> tuple:
    return tuple((state[slot], digest[slot]) for slot in Slot)

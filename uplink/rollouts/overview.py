"""What the console shows of rollouts: the fleet by version, rings with their gates and reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from constellation.models import Satellite
from uplink.commands import reach
from uplink.registry.models import Version
from uplink.rollouts import (
    conditions,
    evaluation,
    gates,
    mosaic,
    reading,
    synchronising,
    targets,
    windows,
)
from uplink.rollouts.models import (
    SUCCEEDED,
    WENT_WRONG,
    Divergence,
    Ring,
    RingState,
    Rollout,
    State,
    Target,
)
from uplink.transfers.models import Deployment

TARGETS_SHOWN = 100
STATUS = {
    State.CREATING: ("standby", "Creating"),
    State.WAITING_FOR_APPROVAL: ("caution", "Waits for approval"),
    State.APPROVAL_DENIED: ("off", "Denied"),
    State.READY: ("standby", "Ready"),
    State.STARTING: ("standby", "Starting"),
    State.RUNNING: ("standby", "Running"),
    State.PAUSED: ("serious", "Paused"),
    State.STOPPING: ("caution", "Stopping"),
    State.STOPPED: ("off", "Stopped"),
    State.FINISHED: ("normal", "Finished"),
    State.ROLLING_BACK: ("critical", "Rolling back"),
    State.ROLLED_BACK: ("critical", "Rolled back"),
}
RING_STATUS = {
    RingState.SCHEDULED: ("off", "Waits"),
    RingState.RUNNING: ("standby", "Running"),
    RingState.FINISHED: ("normal", "Through"),
    RingState.ERROR: ("serious", "Error"),
    RingState.ROLLING_BACK: ("critical", "Rolling back"),
    RingState.ROLLED_BACK: ("critical", "Rolled back"),
}
TARGET_STATUS = {
    targets.QUEUED: ("off", "Queued"),
    targets.WAIT_CONTACT: ("off", "Waits for a contact"),
    targets.UPLINKING: ("standby", "Uplinking"),
    targets.SUSPENDED: ("caution", "Transfer suspended"),
    targets.VERIFIED: ("standby", "Verified"),
    targets.ACTIVATING: ("standby", "Activating"),
    targets.SOAKING: ("standby", "Soaking"),
    targets.ACTIVE: ("normal", "Active"),
    targets.FAILED: ("critical", "Failed"),
    targets.ROLLING_BACK: ("serious", "Rolling back"),
    targets.ROLLED_BACK: ("serious", "Rolled back"),
    targets.CANCELLED: ("off", "Called off"),
}
COLOURS = {
    targets.QUEUED: mosaic.NOTHING,
    targets.WAIT_CONTACT: "#33506d",
    targets.UPLINKING: "#2f7fb8",
    targets.SUSPENDED: "#8a7a35",
    targets.VERIFIED: "#4dacff",
    targets.ACTIVATING: "#4fd1c5",
    targets.SOAKING: "#e8b64c",
    targets.ACTIVE: "#56c271",
    targets.FAILED: "#ff5c5c",
    targets.ROLLING_BACK: "#f28b82",
    targets.ROLLED_BACK: "#c78bf0",
    targets.CANCELLED: mosaic.UNKNOWN,
}
ACTIONS = {
    State.WAITING_FOR_APPROVAL: ["approve", "deny", "stop"],
    State.READY: ["start", "stop"],
    State.STARTING: ["pause", "stop", "rollback"],
    State.RUNNING: ["pause", "retry", "stop", "rollback"],
    State.PAUSED: ["resume", "retry", "stop", "rollback"],
    State.FINISHED: ["retry", "rollback"],
}
WORDS = {
    "approve": "Approve", "deny": "Deny", "start": "Start", "pause": "Pause", "resume": "Resume",
    "stop": "Stop", "retry": "Retry failed", "rollback": "Roll back",
}  # fmt: skip


def told(rollout: Rollout) -> Rollout:
    """Give a rollout its status mark and words."""
    rollout.status, rollout.words = STATUS[State(rollout.state)]
    return rollout


def rollouts() -> list[Rollout]:
    """Return the newest rollouts with how far they are."""
    rows = Rollout.objects.select_related("version__model", "created_by").annotate(
        target_count=Count("targets"),
        well=Count("targets", filter=Q(targets__outcome__in=SUCCEEDED)),
        wrong=Count("targets", filter=Q(targets__outcome__in=WENT_WRONG)),
    )
    return [told(row) for row in rows[:50]]


def divergences() -> list[Divergence]:
    """Return who runs something else than they should."""
    rows = Divergence.objects.select_related("satellite").order_by("-is_flagged", "since_at")
    return list(rows[:50])


def fleet_by_version() -> mosaic.Mosaic:
    """Return every active satellite by the version that it says it runs."""
    names = {v.artefact_id: str(v) for v in Version.objects.select_related("model")}
    known = dict(Deployment.objects.values_list("satellite_id", "active_sha256"))
    diverging = set(Divergence.objects.values_list("satellite_id", flat=True))
    rows = Satellite.objects.filter(is_active=True).select_related("plane")
    tiles = []
    for one in rows:
        running = known.get(one.pk, "")
        kind = names.get(running, running[:12]) or "no model"
        note = ", not what it should run" if one.pk in diverging else ""
        tiles.append(tile(one, kind, f"{one.code}: {kind}{note}", one.pk in diverging))
    return mosaic.lay_out(tiles, {"no model": mosaic.NOTHING})


def tile(one: Satellite, kind: str, title: str, is_marked: bool = False) -> mosaic.Tile:
    """Return the square of a satellite."""
    plane = one.plane.code if one.plane else ""
    return mosaic.Tile(one.code, one.name, plane, one.slot, kind, title, is_marked)


@dataclass(frozen=True)
class RingRow:
    """A ring as its page shows it."""

    ring: Ring
    status: str
    words: str
    tally: conditions.Tally
    judged_by: list[str]
    conditions: list[str]


def ring_rows(rollout: Rollout) -> list[RingRow]:
    """Return the rings of a rollout with what they are judged by, in words."""
    return [
        RingRow(
            ring,
            *RING_STATUS[RingState(ring.state)],
            evaluation.tally_of(ring),
            _judged_by(rollout, ring),
            _conditions(ring),
        )
        for ring in rollout.rings.all()
    ]


def _judged_by(rollout: Rollout, ring: Ring) -> list[str]:
    said = ["SHA-256 on board"]
    if ring.golden:
        count = rollout.version.golden_prompts.count()
        said.append(f"{count} golden prompt{'s' if count != 1 else ''}")
    try:
        for gate in gates.parse(ring.metrics):
            said.append(f"{gate.metric.replace('_', ' ')} {gate.wanted}, {gate.count} times")
    except reading.Malformed as error:
        said.append(str(error))
    if ring.soak_orbits:
        said.append(f"{ring.soak_orbits:g} orbit{'s' if ring.soak_orbits != 1 else ''}")
    if ring.soak_contacts:
        said.append(f"{ring.soak_contacts} contact{'s' if ring.soak_contacts != 1 else ''}")
    if ring.together:
        said.append("all activate together")
    if synchronising.is_asked(ring):
        at = f" {ring.activate_at:%Y-%jT%H:%M:%SZ}" if ring.activate_at else ""
        said.append(f"{ring.get_synchronise_display().lower()}{at}")
    return said


def _safe_window(rollout: Rollout) -> str:
    try:
        return windows.told(windows.parse(rollout.safe_window))
    except reading.Malformed as error:
        return str(error)


def _conditions(ring: Ring) -> list[str]:
    try:
        success = conditions.parse_success(ring.success)
        failure = conditions.parse_failure(ring.error)
    except reading.Malformed as error:
        return [str(error)]
    enough = "all" if success.min_finished is None else f"{success.min_finished}"
    limits = []
    if failure.percent is not None:
        limits.append(f"over {failure.percent:g} % of {failure.min_finished} or more")
    if failure.count is not None:
        limits.append(f"{failure.count}")
    return [
        f"through: {success.percent:g} % of {enough} finished",
        f"error: {' or '.join(limits)} failed, then {ring.get_on_error_display().lower()}",
    ]


@dataclass(frozen=True)
class TargetRow:
    """A satellite of a rollout as its page shows it."""

    target: Target
    state: str
    status: str
    words: str

    @property
    def why(self) -> str:
        if self.target.reason:
            return self.target.reason
        return f"waits for {self.target.waits_for}" if self.target.waits_for else ""


def of_rollout(rollout: Rollout, now: datetime) -> dict[str, Any]:
    """Return all that the page of a rollout shows."""
    rows = list(
        rollout.targets.select_related("satellite__plane", "ring", "transfer").order_by(
            "ring__number", "satellite__code"
        )
    )
    here = reach.spoken_to(now=now)
    shown = []
    for target in rows:
        state = targets.state_of(target, in_contact=target.satellite_id in here)
        shown.append(TargetRow(target, state, *TARGET_STATUS[state]))
    tiles = [
        tile(row.target.satellite, row.words, f"{row.target.satellite.code}: {row.words} {row.why}")
        for row in shown
    ]
    colours = {TARGET_STATUS[state][1]: fill for state, fill in COLOURS.items()}
    urgent = sorted(shown, key=lambda row: (_RANK[row.state], row.target.ring.number))
    return {
        "now": now,
        "rollout": told(rollout),
        "rings": ring_rows(rollout),
        "safe_window": _safe_window(rollout),
        "mosaic": mosaic.lay_out(tiles, colours),
        "targets": urgent[:TARGETS_SHOWN],
        "more": max(0, len(urgent) - TARGETS_SHOWN),
    }


_ORDER = (
    targets.FAILED, targets.ROLLING_BACK, targets.ROLLED_BACK, targets.SOAKING,
    targets.SUSPENDED, targets.ACTIVATING, targets.VERIFIED, targets.UPLINKING,
    targets.WAIT_CONTACT,
    targets.ACTIVE, targets.QUEUED, targets.CANCELLED,
)  # fmt: skip
_RANK = {state: rank for rank, state in enumerate(_ORDER)}

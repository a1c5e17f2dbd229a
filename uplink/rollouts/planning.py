"""Making a rollout: everything it will be judged by is read and checked before it is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from constellation.models import Satellite
from ops import errors
from ops.accounts.models import Organisation, User
from uplink.registry.models import Version
from uplink.rollouts import conditions, events, gates, reading, revoking, rings, windows
from uplink.rollouts.models import (
    ErrorAction,
    Kind,
    Ring,
    Rollout,
    State,
    SuccessAction,
    Synchronise,
    Target,
)

RINGS_MAX = 50
RING_FIELDS = (
    "name", "filter", "percentage", "canary", "success", "error", "on_success", "on_error",
    "golden", "metrics", "soak_orbits", "soak_contacts", "together", "synchronise",
)  # fmt: skip


class BadRollout(errors.Invalid):
    """What it should be judged by cannot be read, or cannot be met by anything."""

    code = "bad_rollout"


def create(
    *,
    rollout_id: UUID,
    organisation: Organisation,
    user: User,
    name: str,
    version: Version,
    kind: str,
    forced_at: datetime | None,
    start_at: datetime | None,
    priority: int,
    safe_window: dict[str, Any],
    needs_approval: bool,
    rings_asked: Sequence[dict[str, Any]],
    now: datetime,
    laser: bool = True,
) -> tuple[Rollout, bool]:
    """Create a rollout with its rings and targets; return it and whether it is new.

    Safe to repeat under the same id. It is there whole or not at all. Raises `BadRollout`,
    `IdReused`, `revoking.Revoked`.
    """
    if kind == Kind.TIMEFORCED and forced_at is None:
        raise BadRollout("forced_at says from when a TIMEFORCED rollout is forced.")
    if kind != Kind.TIMEFORCED and forced_at is not None:
        raise BadRollout(f"forced_at is of TIMEFORCED rollouts alone; this one is {kind}.")
    needs_approval = needs_approval or settings.ZENITH_ROLLOUT_APPROVAL
    fields = {
        "name": name,
        "version": version,
        "kind": kind,
        "forced_at": forced_at,
        "start_at": start_at,
        "priority": priority,
        "laser": laser,
        "safe_window": safe_window,
        "needs_approval": needs_approval,
        "asked": {"rings": list(rings_asked)},
    }
    known = Rollout.objects.filter(pk=rollout_id).first()
    if known is None:
        revoking.refuse_revoked(version.artefact)
        with transaction.atomic():
            known, is_new = Rollout.objects.get_or_create(
                id=rollout_id,
                defaults={
                    **fields,
                    "organisation": organisation,
                    "created_by": user,
                    "created_at": now,
                },
            )
            if is_new:
                _fill(known, rings_asked)
                return known, True
    if known.organisation_id != organisation.pk or any(
        getattr(known, key) != value for key, value in fields.items()
    ):
        raise errors.IdReused(f"{rollout_id} already names another rollout.")
    return known, False


def _fill(rollout: Rollout, asked: Sequence[dict[str, Any]]) -> None:
    try:
        windows.parse(rollout.safe_window)
        if not 1 <= len(asked) <= RINGS_MAX:
            raise reading.Malformed(f"rings must hold 1 to {RINGS_MAX} rings.")
        read = [_ring(rollout, place, one, len(asked)) for place, one in enumerate(asked)]
        shared = rings.share_out([wanted for _, wanted in read], *_candidates(rollout.version))
    except (reading.Malformed, rings.Unfillable) as error:
        raise BadRollout(str(error)) from error
    made = Ring.objects.bulk_create([ring for ring, _ in read])
    Target.objects.bulk_create(
        [
            Target(rollout=rollout, ring=ring, satellite_id=one.pk)
            for ring, chosen in zip(made, shared, strict=True)
            for one in chosen
        ],
        batch_size=1000,
    )
    rollout.state = State.WAITING_FOR_APPROVAL if rollout.needs_approval else State.READY
    rollout.save(update_fields=["state"])
    events.tell(rollout)


def _ring(rollout: Rollout, place: int, given: Any, count: int) -> tuple[Ring, rings.Wanted]:
    where = f"rings[{place}]"
    try:
        found = reading.fields(given, RING_FIELDS, "ring")
        name = found.get("name", f"Ring {place}")
        if not isinstance(name, str) or not 1 <= len(name) <= 60:
            raise reading.Malformed("name must be a text of 1 to 60 characters.")
        has_prompts = rollout.version.golden_prompts.exists()
        runs = rollout.kind != Kind.DOWNLOAD_ONLY
        ring = Ring(
            rollout=rollout,
            number=place,
            name=name,
            is_canary=reading.truth(found.get("canary", place == 0 and count > 1), "canary"),
            filter=found.get("filter", {}),
            percentage=reading.number(found.get("percentage", 100), "percentage", 1e-6, 100),
            success=found.get("success", {}),
            error=found.get("error", {"percent": 0}),
            on_success=_one_of(found.get("on_success", "NEXT"), SuccessAction, "on_success"),
            on_error=_one_of(found.get("on_error", "PAUSE"), ErrorAction, "on_error"),
            golden=reading.truth(found.get("golden", has_prompts and runs), "golden"),
            metrics=found.get("metrics", []),
            soak_orbits=reading.number(found.get("soak_orbits", 0), "soak_orbits", 0, 10_000),
            soak_contacts=reading.whole(found.get("soak_contacts", 0), "soak_contacts", 0, 10_000),
            together=reading.truth(found.get("together", False), "together"),
            synchronise=_one_of(found.get("synchronise", "NO"), Synchronise, "synchronise"),
        )
        wanted = rings.Wanted(
            name, ring.percentage, ring.is_canary, rings.parse_filter(ring.filter)
        )
        check_ring(ring)
        if ring.golden and not has_prompts:
            raise reading.Malformed(f"golden: {rollout.version} has no golden prompts.")
        waits = ring.golden or ring.metrics or ring.soak_orbits or ring.soak_contacts
        if not runs and ring.synchronise != Synchronise.NO:
            raise reading.Malformed("synchronise is for what runs; DOWNLOAD_ONLY lets nothing run.")
        if not runs and waits:
            raise reading.Malformed(
                "golden, metrics and soak judge what runs; DOWNLOAD_ONLY lets nothing run."
            )
    except reading.Malformed as error:
        raise reading.Malformed(f"{where}: {error}") from error
    return ring, wanted


def check_ring(ring: Ring) -> None:
    """Read all conditions of a ring; raises `reading.Malformed`."""
    conditions.parse_success(ring.success)
    conditions.parse_failure(ring.error)
    gates.parse(ring.metrics)


def check(rollout: Rollout) -> None:
    """Read all that a stored rollout is judged by; raises `BadRollout` naming what is wrong."""
    try:
        windows.parse(rollout.safe_window)
        for ring in rollout.rings.all():
            try:
                check_ring(ring)
            except reading.Malformed as error:
                raise reading.Malformed(f"rings[{ring.number}]: {error}") from error
    except reading.Malformed as error:
        raise BadRollout(f"It cannot be judged: {error}") from error


def _one_of(value: Any, choices: Any, where: str) -> str:
    if value not in choices.values:
        raise reading.Malformed(f"{where} must be one of {', '.join(choices.values)}.")
    return value


def _candidates(version: Version) -> tuple[list[rings.Candidate], Counter[str]]:
    """Return the satellites that a version fits, and how many fly in each plane."""
    flying = Satellite.objects.filter(is_active=True).select_related("plane", "profile")
    sizes: Counter[str] = Counter()
    fitting = set(version.profiles.values_list("pk", flat=True))
    found = []
    for one in flying:
        plane = one.plane.code if one.plane else ""
        sizes[plane] += 1
        if one.profile_id in fitting:
            shell = one.plane.shell if one.plane else ""
            place = one.slot if one.slot is not None else 0
            found.append(
                rings.Candidate(one.pk, one.code, one.role, one.profile.code, plane, shell, place)
            )
    return found, sizes

"""A fleet for rollouts to be tested on: what satellites would say, said for them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from constellation.models import Plane, Satellite
from telemetry import times
from telemetry.models import Latest
from tests.factories import (
    NOON,
    make_artefact,
    make_contact,
    make_newest,
    make_organisation,
    make_profile,
    make_satellite,
    make_user,
)
from uplink.registry.models import Model, Version
from uplink.rollouts import control, evaluation, planning
from uplink.rollouts.models import Rollout, Target
from uplink.transfers import progress
from uplink.transfers.models import Deployment, State

SAFE = {
    "battery_charge": (0.9, 9000),
    "accelerator_temperature": (40.0, 4000),
    "sunlight": ("SUN", 2),
    "queries_running": (0, 0),
    "queries_queued": (0, 0),
    "token_rate": (12.0, 1200),
    "ecc_uncorrected": (0, 0),
}


class Fleet:
    """Satellites in one plane, each in a contact from noon on, with fresh and safe telemetry."""

    def __init__(self, count: int = 4, *, planes: int = 1) -> None:
        self.now = NOON
        self.operator = make_organisation(operates_fleet=True)
        self.user = make_user(organisation=self.operator)
        self.profile = make_profile()
        self.planes = [
            Plane.objects.create(
                code=f"P{n}", shell="S", altitude_km=500, inclination_deg=97.4, raan_deg=n
            )
            for n in range(planes)
        ]
        self.satellites = [
            make_satellite(
                code=f"R-{n:02}",
                profile=self.profile,
                plane=self.planes[n % planes],
                slot=n // planes,
            )
            for n in range(count)
        ]
        self.contacts = {
            one.pk: make_contact(
                satellite=one,
                organisation=self.operator,
                state="PASS",
                aos_at=NOON - timedelta(minutes=1),
                los_at=NOON + timedelta(days=1),
            )
            for one in self.satellites
        }
        self.old = self.version("1")
        for one in self.satellites:
            self.runs(one, self.old.artefact_id)

    def version(self, number: str) -> Version:
        model, _ = Model.objects.get_or_create(
            name="echo", defaults={"organisation": self.operator}
        )
        row = Version.objects.create(
            model=model,
            version=number,
            artefact=make_artefact(f"echo {number}".encode(), organisation=self.operator),
            licence="Apache-2.0",
        )
        row.profiles.add(self.profile)
        return row

    def plan(self, version: Version, *rings: dict[str, Any], **details: Any) -> Rollout:
        rollout, _ = planning.create(
            **{
                "rollout_id": uuid4(),
                "organisation": self.operator,
                "user": self.user,
                "name": f"to {version}",
                "version": version,
                "kind": "FORCED",
                "forced_at": None,
                "start_at": None,
                "priority": 0,
                "safe_window": {},
                "needs_approval": False,
                "rings_asked": list(rings) or [{}],
                "now": self.now,
                **details,
            }
        )
        return rollout

    def start(self, version: Version, *rings: dict[str, Any], **details: Any) -> Rollout:
        """Plan a rollout, start it, and let the first ring begin."""
        rollout = self.plan(version, *rings, **details)
        control.start(rollout.pk, now=self.now)
        return self.tick(rollout)

    def tick(self, rollout: Rollout, seconds: float = 0, times_: int = 2) -> Rollout:
        """Let time pass and look after a rollout, with telemetry made anew."""
        self.now += timedelta(seconds=seconds)
        for one in self.satellites:
            if one.pk in self.contacts:
                self.hear(one)
        for _ in range(times_):
            evaluation.look_after(rollout.pk, now=self.now)
        rollout.refresh_from_db()
        return rollout

    def hear(self, satellite: Satellite, at: datetime | None = None, **changed: Any) -> None:
        """Telemetry of a satellite, made now unless `at` says otherwise. It keeps what changed."""
        known = {
            row.parameter: (row.value, row.raw)
            for row in Latest.objects.filter(satellite=satellite)
        }
        new = {name: (value, value) for name, value in changed.items()}
        both = {**SAFE, **known, **new}
        make_newest(satellite, "HK", both, times.to_ns(at or self.now))

    def silence(self, satellite: Satellite) -> None:
        """Its contact is over, and it says nothing more."""
        contact = self.contacts.pop(satellite.pk)
        contact.state, contact.los_at, contact.ends_at = "COMPLETED", self.now, self.now
        contact.save()

    def runs(self, satellite: Satellite, sha256: str, *, other: str = "") -> None:
        """The satellite reports what it runs, and what its other slot holds."""
        known, _ = Deployment.objects.get_or_create(satellite=satellite)
        before = known.active_sha256
        in_b = known.slot_b_sha256
        if sha256 not in (known.slot_a_sha256, in_b):
            free = "slot_a_sha256" if before == in_b else "slot_b_sha256"
            setattr(known, free, sha256)
        if other:
            known.slot_a_sha256 = other
        known.active_sha256 = sha256
        known.reported_ns = times.to_ns(self.now + timedelta(seconds=1))
        known.save()

    def arrives(self, target: Target) -> None:
        """The artefact is whole on board, and its digest right."""
        transfer = Target.objects.get(pk=target.pk).transfer
        transfer.shipments.update(delivered=True)
        progress.move(transfer, State.VERIFIED, now=self.now)

    def activates(self, target: Target) -> None:
        """The satellite runs what it was told to run."""
        transfer = Target.objects.get(pk=target.pk).transfer
        assert transfer.state == State.ACTIVATING, transfer.state
        self.runs(target.satellite, transfer.artefact_id)
        progress.move(transfer, State.ACTIVE, now=self.now)

    def goes_through(self, rollout: Rollout, target: Target) -> None:
        """From the first byte to the running version, all well."""
        self.arrives(target)
        self.tick(rollout, 1)
        self.activates(target)
        self.tick(rollout, 5)

    def comes_back(self, rollout: Rollout) -> None:
        """Satellites obey the rollback."""
        self.tick(rollout, 1)
        for target in rollout.targets.exclude(undo=None).select_related("undo", "satellite"):
            if target.undo.state == State.ACTIVATING:
                self.now += timedelta(seconds=1)
                self.runs(target.satellite, target.undo.artefact_id)
                progress.move(target.undo, State.ACTIVE, now=self.now)
        self.tick(rollout, 1)


def targets(rollout: Rollout, ring: int) -> list[Target]:
    return list(rollout.targets.filter(ring__number=ring).select_related("satellite", "transfer"))

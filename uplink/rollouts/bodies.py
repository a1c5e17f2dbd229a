"""What requests about rollouts hold, and what they are answered with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from constellation.questions import Named
from ops import errors
from uplink.commands import reach
from uplink.registry.models import Version
from uplink.rollouts import evaluation, targets
from uplink.rollouts.models import Divergence, Kind, Revocation, Ring, Rollout, Target

_TEXT = {"trim_whitespace": True, "max_length": 500}


class OfVersion(Named):
    """A body that names a version of a model."""

    model = serializers.CharField(max_length=64)
    version = serializers.CharField(max_length=40)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        name, number = attrs.pop("model"), attrs["version"]
        rows = Version.objects.select_related("model", "artefact")
        row = rows.filter(model__name=name, version=number).first()
        if row is None:
            raise errors.NotFound(f"There is no {name}:{number}.")
        return {**attrs, "version": row}


class RolloutRequest(OfVersion):
    """A rollout as it is asked for; its rings are read by `planning.create`."""

    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(choices=Kind.choices, default=Kind.FORCED)
    forced_at = serializers.DateTimeField(default=None, allow_null=True)
    start_at = serializers.DateTimeField(default=None, allow_null=True)
    priority = serializers.IntegerField(default=0, min_value=-100, max_value=100)
    laser = serializers.BooleanField(default=True)
    safe_window = serializers.JSONField(default=dict)
    needs_approval = serializers.BooleanField(default=False)
    rings = serializers.ListField(child=serializers.JSONField(), allow_empty=False, max_length=50)


class RevocationRequest(OfVersion):
    reason = serializers.CharField(max_length=300)


class RemarkRequest(Named):
    """What is said to a decision."""

    remark = serializers.CharField(default="", allow_blank=True, **_TEXT)


class ReasonRequest(Named):
    reason = serializers.CharField(default="", allow_blank=True, **_TEXT)


class RolloutBody(serializers.ModelSerializer):
    version = serializers.CharField(source="version.__str__")
    artefact = serializers.CharField(source="version.artefact_id")
    created_by = serializers.CharField(source="created_by.username")
    decided_by = serializers.CharField(source="decided_by.username", default=None)

    class Meta:
        model = Rollout
        fields = (
            "id", "name", "version", "artefact", "kind", "forced_at", "start_at", "priority",
            "laser", "safe_window", "needs_approval", "state", "reason", "created_by", "created_at",
            "decided_by", "decided_at", "remark", "started_at", "finished_at",
        )  # fmt: skip


class RingBody(serializers.ModelSerializer):
    finished = serializers.SerializerMethodField()

    class Meta:
        model = Ring
        fields = (
            "number", "name", "is_canary", "filter", "percentage", "success", "error",
            "on_success", "on_error", "golden", "metrics", "soak_orbits", "soak_contacts",
            "together", "synchronise", "activate_at", "state", "reason", "started_at",
            "finished_at", "finished",
        )  # fmt: skip

    def get_finished(self, row: Ring) -> dict[str, int]:
        tally = evaluation.tally_of(row)
        return {"total": tally.total, "succeeded": tally.succeeded, "failed": tally.failed}


def target_body(target: Target, *, in_contact: bool) -> dict[str, Any]:
    """Return a target as the API tells it; its satellite and transfers come with it."""
    return {
        "satellite": target.satellite.code,
        "ring": target.ring.number,
        "state": targets.state_of(target, in_contact=in_contact),
        "code": target.code,
        "reason": target.reason,
        "waits_for": target.waits_for,
        "transfer": target.transfer_id,
        "previous": target.previous_id,
        "rollback": target.undo_id,
        "begun_at": target.begun_at,
        "active_at": target.active_at,
        "finished_at": target.finished_at,
        "undone_at": target.undone_at,
    }


def target_bodies(rows: list[Target], *, now: datetime) -> list[dict[str, Any]]:
    """Return targets with what is known of contacts, their own and those that reach them."""
    here = reach.spoken_to(now=now)
    return [target_body(row, in_contact=row.satellite_id in here) for row in rows]


def judged(target: Target) -> dict[str, Any]:
    """Return what a target was judged by so far."""
    probes = target.probes.select_related("prompt")
    return {
        "golden": [
            {
                "prompt": probe.prompt.number,
                "attempt": probe.attempt,
                "query": probe.query_id,
                "asked_at": probe.asked_at,
                "verdict": probe.verdict,
                "reason": probe.reason,
            }
            for probe in probes
        ],
        "measurements": list(
            target.measurements.values("gate", "taken_at", "value", "verdict", "reason")
        ),
    }


class RevocationBody(serializers.ModelSerializer):
    version = serializers.CharField(source="version.__str__")
    revoked_by = serializers.CharField(source="revoked_by.username")

    class Meta:
        model = Revocation
        fields = ("id", "version", "reason", "revoked_by", "revoked_at")


class DivergenceBody(serializers.ModelSerializer):
    satellite = serializers.CharField(source="satellite.code")

    class Meta:
        model = Divergence
        fields = (
            "satellite", "desired", "reported_sha256", "since_at", "offers", "is_flagged",
            "reason",
        )  # fmt: skip

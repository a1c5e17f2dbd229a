"""The page that plans a rollout: what goes where in which ring, previewed before it is planned."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from constellation.models import Satellite
from ops import clock
from ops.errors import Refusal
from ops.pages import needs
from uplink.rollouts import gates, mosaic, overview, plan_forms, planning, rings
from uplink.rollouts.models import Rollout
from uplink.rollouts.plan_forms import PlanForm, RingForm

SHOWN = 12
"""Satellites of a ring that a preview names; the mosaic shows all."""
IN_NO_RING, DOES_NOT_FIT = "in no ring", "the version does not fit"
SUGGESTED_MOST = 300


@require_http_methods(["GET", "HEAD", "POST"])
@needs("rollouts.add_rollout")
def plan_page(request: HttpRequest) -> HttpResponse:
    """Plan a rollout: preview who lands in which ring, then plan it; errors at their field."""
    now = clock.now()
    if request.method != "POST":
        return _shown(request, *plan_forms.blank(), now=now)
    data = request.POST
    if change := data.get("change", ""):
        return _shown(request, *plan_forms.changed(data, change), now=now)
    form, asked = plan_forms.bound(data)
    if not plan_forms.are_valid(form, asked):
        return _shown(request, form, asked, now=now, status=400)
    try:
        if "plan" in data:
            rollout = _create(request, form, asked, now=now)
            messages.success(request, f"{rollout.name} is planned.")
            return redirect("rollout", rollout_id=rollout.pk)
        preview = _preview(request, form, asked, now=now)
    except Refusal as refusal:
        plan_forms.blame(refusal, form, asked)
        return _shown(request, form, asked, now=now, status=400)
    return _shown(request, form, asked, now=now, preview=preview)


def _shown(
    request: HttpRequest,
    form: PlanForm,
    asked: list[RingForm],
    *,
    now: datetime,
    preview: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    for name in ("start_at", "forced_at"):
        form.fields[name].widget.attrs["placeholder"] = f"{now:%Y-%jT%H:%M:%SZ}"
    errors = [*form.errors, *(e for ring in asked for e in ring.errors)]
    errors += [e for ring in asked for gate in ring.gates for e in gate.errors]
    shown = {
        "form": form,
        "rings": asked,
        "preview": preview,
        "wrong": len(errors),
        "may_add_ring": len(asked) < planning.RINGS_MAX,
        "suggested": [(name, plan_forms.known(name)[:SUGGESTED_MOST]) for name in rings.FILTERS],
        "metrics": gates.METRICS,
        "section": "rollouts",
    }
    return render(request, "rollouts/plan.html", shown, status=status)


def _create(
    request: HttpRequest, form: PlanForm, asked: list[RingForm], *, now: datetime
) -> Rollout:
    rollout, _ = planning.create(
        rollout_id=uuid4(),
        organisation=request.user.organisation,
        user=request.user,
        rings_asked=[one.asked() for one in asked],
        now=now,
        **form.asked(),
    )
    return rollout


def _preview(
    request: HttpRequest, form: PlanForm, asked: list[RingForm], *, now: datetime
) -> dict[str, Any]:
    """Plan it, look at what came of it, and undo it: so that the preview is what will be."""
    with transaction.atomic():
        rollout = _create(request, form, asked, now=now)
        found = _told(rollout)
        transaction.set_rollback(True)
    return found


def _told(rollout: Rollout) -> dict[str, Any]:
    """Return who lands in which ring, what each is judged by, and who is in none."""
    ring_of = {
        target.satellite_id: f"{target.ring.number} {target.ring.name}"
        for target in rollout.targets.select_related("ring")
    }
    fitting = set(rollout.version.profiles.values_list("pk", flat=True))
    flying = list(Satellite.objects.filter(is_active=True).select_related("plane").order_by("code"))
    tiles, codes = [], {kind: [] for kind in ring_of.values()}
    for one in flying:
        kind = IN_NO_RING if one.profile_id in fitting else DOES_NOT_FIT
        kind = ring_of.get(one.pk, kind)
        codes.setdefault(kind, []).append(one.code)
        tiles.append(overview.tile(one, kind, f"{one.code}: {kind}"))
    shared = [
        {
            "row": row,
            "codes": sorted(codes[f"{row.ring.number} {row.ring.name}"])[:SHOWN],
            "planes": _planes(rollout, row.ring.number),
        }
        for row in overview.ring_rows(rollout)
    ]
    colours = {DOES_NOT_FIT: mosaic.NOTHING, IN_NO_RING: mosaic.UNKNOWN}
    return {
        "rings": shared,
        "left_out": len(codes.get(IN_NO_RING, [])),
        "mosaic": mosaic.lay_out(tiles, colours),
        "waits_for_approval": rollout.needs_approval,
    }


def _planes(rollout: Rollout, ring: int) -> int:
    rows = rollout.targets.filter(ring__number=ring).exclude(satellite__plane=None)
    return rows.order_by().values("satellite__plane").distinct().count()


urlpatterns = [path("rollouts/plan", plan_page, name="plan-rollout")]

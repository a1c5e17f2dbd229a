"""The page that plans a rollout: what goes where in which ring, previewed before it is planned."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from ops import clock
from ops.errors import Refusal
from ops.pages import needs
from uplink.registry.models import Version
from uplink.rollouts import planning
from uplink.rollouts.models import ErrorAction, Kind, Rollout, Synchronise

RINGS = 3
FILTERS = [("", "all it fits"), *((one, one) for one in ("plane", "shell", "profile", "role"))]
FILTERS.append(("codes", "satellites"))
FIRST = {"name": "canary", "percentage": 5, "canary": True, "soak_contacts": 2}
SECOND = {"name": "the rest", "percentage": 100}
_PLACE = re.compile(r"^(?:rings\[(\d+)\]: |Ring (\d+) )")


class PlanForm(forms.Form):
    """What holds for the whole rollout. Instants are UTC."""

    name = forms.CharField(max_length=100)
    version = forms.ModelChoiceField(Version.objects.select_related("model"))
    kind = forms.ChoiceField(choices=Kind.choices, initial=Kind.FORCED, label="Models change")
    forced_at = forms.DateTimeField(required=False, label="Forced at (UTC)")
    start_at = forms.DateTimeField(required=False, label="Start at (UTC)")
    min_charge = forms.FloatField(min_value=0, max_value=1, initial=0.3, label="Battery at least")
    max_temperature_c = forms.FloatField(
        min_value=-100, max_value=150, initial=75, label="Accelerator at most (°C)"
    )
    in_sunlight = forms.BooleanField(required=False, label="Only in sunlight")
    needs_approval = forms.BooleanField(required=False, label="A second person approves")

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("kind") == Kind.TIMEFORCED and not found.get("forced_at"):
            self.add_error("forced_at", "Say from when it is forced.")
        return found


class RingForm(forms.Form):
    """One ring; without a name there is none."""

    name = forms.CharField(max_length=60, required=False)
    by = forms.ChoiceField(choices=FILTERS, required=False, label="Of")
    names = forms.CharField(max_length=500, required=False, label="Named (comma between)")
    percentage = forms.FloatField(min_value=0.000001, max_value=100, initial=100, label="Percent")
    canary = forms.BooleanField(required=False, label="Canary")
    soak_orbits = forms.FloatField(min_value=0, max_value=10_000, initial=0, label="Soak: orbits")
    soak_contacts = forms.IntegerField(min_value=0, max_value=10_000, initial=0, label="Contacts")
    error_percent = forms.FloatField(
        min_value=0, max_value=99.999, initial=0, label="Failures over (%)"
    )
    on_error = forms.ChoiceField(choices=ErrorAction.choices, label="Then")
    synchronise = forms.ChoiceField(choices=Synchronise.choices, label="Activates")

    def clean(self) -> dict[str, Any]:
        found = super().clean()
        if found.get("by") and not found.get("names"):
            self.add_error("names", f"Name at least one {found['by'].removesuffix('s')}.")
        return found

    def ring(self) -> dict[str, Any]:
        """Return the ring as `planning.create` reads it."""
        said = self.cleaned_data
        names = [one.strip() for one in said["names"].split(",") if one.strip()]
        return {
            "name": said["name"],
            "filter": {said["by"]: names} if said["by"] else {},
            "percentage": said["percentage"],
            "canary": said["canary"],
            "soak_orbits": said["soak_orbits"],
            "soak_contacts": said["soak_contacts"],
            "error": {"percent": said["error_percent"]},
            "on_error": said["on_error"],
            "synchronise": said["synchronise"],
        }


def _rings(data: Any) -> list[RingForm]:
    first = {0: FIRST, 1: SECOND}
    empty = {name: field.initial for name, field in RingForm.base_fields.items()}
    return [
        RingForm(
            data,
            prefix=f"ring{n}",
            initial={**empty, **first.get(n, {})},
            empty_permitted=bool(n) and not (data or {}).get(f"ring{n}-name"),
            use_required_attribute=False,
        )
        for n in range(RINGS)
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@needs("rollouts.add_rollout")
def plan_page(request: HttpRequest) -> HttpResponse:
    """Plan a rollout: preview who lands in which ring, then plan it; errors at their field."""
    data = request.POST if request.method == "POST" else None
    form, rings = PlanForm(data), _rings(data)
    shown: dict[str, Any] = {"form": form, "rings": rings, "section": "rollouts"}
    if data is None:
        return render(request, "rollouts/plan.html", shown)
    used = [one for one in rings if one["name"].value()]
    is_valid = all([form.is_valid(), *(one.is_valid() for one in used)])
    if is_valid and not used:
        form.add_error(None, "A rollout has at least one ring; give it a name.")
    if not is_valid or not used:
        return render(request, "rollouts/plan.html", shown, status=400)
    try:
        if "plan" in data:
            rollout = _create(request, form, used)
            messages.success(request, f"{rollout.name} is planned.")
            return redirect("rollout", rollout_id=rollout.pk)
        shown["preview"] = _preview(request, form, used)
    except Refusal as refusal:
        _blame(str(refusal), form, used)
        return render(request, "rollouts/plan.html", shown, status=400)
    return render(request, "rollouts/plan.html", shown)


def _create(request: HttpRequest, form: PlanForm, rings: list[RingForm]) -> Rollout:
    said = form.cleaned_data
    window = ("min_charge", "max_temperature_c", "in_sunlight")
    rollout, _ = planning.create(
        rollout_id=uuid4(),
        organisation=request.user.organisation,
        user=request.user,
        name=said["name"],
        version=said["version"],
        kind=said["kind"],
        forced_at=said["forced_at"],
        start_at=said["start_at"],
        priority=0,
        safe_window={name: said[name] for name in window},
        needs_approval=said["needs_approval"],
        rings_asked=[one.ring() for one in rings],
        now=clock.now(),
    )
    return rollout


def _preview(request: HttpRequest, form: PlanForm, rings: list[RingForm]) -> list[dict[str, Any]]:
    """Plan it, look at who is in which ring, and undo it: so that the preview is what will be."""
    with transaction.atomic():
        rollout = _create(request, form, rings)
        found = [
            {
                "ring": ring.name,
                "codes": list(ring.targets.values_list("satellite__code", flat=True)),
            }
            for ring in rollout.rings.all()
        ]
        transaction.set_rollback(True)
    return found


def _blame(text: str, form: PlanForm, rings: list[RingForm]) -> None:
    """Put a refusal at the ring that it names, at its field if it names one."""
    place = _PLACE.match(text)
    number = int(place[1] or place[2]) if place else len(rings)
    if number >= len(rings):
        form.add_error(None, text)
        return
    field = text[place.end() :].partition(" ")[0].partition(".")[0]
    rings[number].add_error(field if field in RingForm.base_fields else None, text)


urlpatterns = [path("rollouts/plan", plan_page, name="plan-rollout")]

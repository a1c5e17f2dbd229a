"""Pages of limits: what holds, and a form that writes and activates another version."""

from __future__ import annotations

from uuid import UUID, uuid4

import orjson
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from ops import clock
from ops.accounts import roles
from ops.errors import Refusal
from ops.pages import cleaned, needs
from telemetry.alarms import console, described, editing
from telemetry.alarms.models import Limit

EXAMPLE = {
    "kind": "static",
    "levels": {"warning": {"low": 0, "high": 70}, "critical": {"high": 90}},
    "dead_band": 1,
    "minimum_violations": 3,
    "minimum_conformance": 3,
}


class LimitForm(forms.Form):
    name = forms.CharField(max_length=100)
    parameter = forms.CharField(max_length=200)
    content = forms.JSONField()
    reason = forms.CharField(max_length=300, required=False)
    seen_version = forms.IntegerField(required=False, min_value=0, max_value=10**6)
    activate = forms.BooleanField(required=False)


class ActivationForm(forms.Form):
    version = forms.IntegerField(min_value=1, max_value=10**6)
    reason = forms.CharField(max_length=300, required=False)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300, required=False)


@require_safe
@needs("alarms.view_limit")
def limits_page(request: HttpRequest) -> HttpResponse:
    """All limits by parameter, those in force and those withdrawn."""
    rows = Limit.objects.select_related("active").prefetch_related("versions")
    rows = rows.order_by("parameter", "name")
    return render(
        request,
        "alarms/limits.html",
        {
            "rows": console.rows_of_limits(list(rows)),
            "may_change": roles.may(request.user, "alarms.change_limit"),
            "section": "alarms",
        },
    )


@require_safe
@needs("alarms.view_limit")
def limit_page(request: HttpRequest, limit_id: UUID) -> HttpResponse:
    """One limit: its versions, who put which in force and why, and the form for another."""
    limit = Limit.objects.filter(pk=limit_id).select_related("active").first()
    if limit is None:
        raise Http404("There is no such limit.")
    last = limit.versions.first()
    return _limit(request, limit, last.content if last else EXAMPLE)


@require_safe
@needs("alarms.change_limit")
def new_limit_page(request: HttpRequest) -> HttpResponse:
    """The form for a limit that is not there yet."""
    return _limit(request, None, EXAMPLE)


def _limit(request: HttpRequest, limit: Limit | None, content: dict) -> HttpResponse:
    return render(
        request,
        "alarms/limit.html",
        {
            "limit": limit,
            "limit_id": limit.pk if limit else uuid4(),
            "last": limit.versions.first() if limit else None,
            "versions": limit.versions.all() if limit else [],
            "activations": (
                limit.activations.select_related("version").order_by("-id")[:50] if limit else []
            ),
            "content": orjson.dumps(
                console.tidy(content) if isinstance(content, dict) else content,
                option=orjson.OPT_INDENT_2,
            ).decode(),
            "parameters": described.parameters(now=clock.now()),
            "open_alarms": limit.alarms.filter(is_active=True).count() if limit else 0,
            "may_change": roles.may(request.user, "alarms.change_limit"),
            "section": "alarms",
        },
    )


@require_POST
@needs("alarms.change_limit")
def write_limit(request: HttpRequest, limit_id: UUID) -> HttpResponse:
    """Write a version, and activate it if that is wished; what is wrong is said on the page."""
    said = cleaned(LimitForm(request.POST))
    try:
        limit, _ = editing.write_limit(
            limit_id=limit_id, by=request.user.get_username(), now=clock.now(), **said
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        known = Limit.objects.filter(pk=limit_id).select_related("active").first()
        return _limit(request, known, said["content"])
    held = "holds now" if said["activate"] else "is written, and does not hold yet"
    messages.success(request, f"Version {limit.versions.first().version} {held}.")
    return redirect("limit", limit_id=limit_id)


@require_POST
@needs("alarms.change_limit")
def activate_limit(request: HttpRequest, limit_id: UUID) -> HttpResponse:
    said = cleaned(ActivationForm(request.POST))
    by = request.user.get_username()
    try:
        editing.activate_limit(limit_id=limit_id, by=by, now=clock.now(), **said)
    except editing.ScopeTaken as refusal:
        messages.error(request, str(refusal))
    return redirect("limit", limit_id=limit_id)


@require_POST
@needs("alarms.change_limit")
def withdraw_limit(request: HttpRequest, limit_id: UUID) -> HttpResponse:
    reason = cleaned(ReasonForm(request.POST))["reason"]
    by = request.user.get_username()
    editing.withdraw_limit(limit_id=limit_id, by=by, now=clock.now(), reason=reason)
    return redirect("limit", limit_id=limit_id)


urlpatterns = [
    path("limits", limits_page, name="limits"),
    path("limits/new", new_limit_page, name="new-limit"),
    path("limits/<uuid:limit_id>", limit_page, name="limit"),
    path("limits/<uuid:limit_id>/write", write_limit, name="write-limit"),
    path("limits/<uuid:limit_id>/activate", activate_limit, name="activate-limit"),
    path("limits/<uuid:limit_id>/withdraw", withdraw_limit, name="withdraw-limit"),
]

"""Pages of alarms: what is wrong by cause, one alarm with its history, what is silenced."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from ops import clock
from ops.accounts import roles
from ops.errors import Refusal
from ops.pages import cleaned, needs
from telemetry.alarms import (
    console,
    lifecycle,
    limit_pages,
    looking,
    operating,
    subscription_pages,
    summary,
)
from telemetry.alarms.models import Alarm, Violation

MEMBERS = 100
HISTORY = 200
HOURS = [1, 4, 8, 24, 72, 168]
"""How long an alarm can be shelved from its page."""


class ActionForm(forms.Form):
    reason = forms.CharField(max_length=300, required=False)
    hours = forms.FloatField(required=False, min_value=0.01, max_value=720)
    occurrence = forms.IntegerField(required=False, min_value=1, max_value=2**31)
    next = forms.CharField(max_length=500, required=False)


class GroupForm(ActionForm):
    rule = forms.CharField(max_length=100)
    level = forms.IntegerField(min_value=0, max_value=5)


@require_safe
@needs("alarms.view_alarm")
def alarms_page(request: HttpRequest) -> HttpResponse:
    """Open alarms, a line a cause; `?rule=&level=` shows the members of one.

    Asked for by htmx (when something changed), it answers with the moving parts alone.
    """
    groups = summary.groups()
    chosen = next((g for g in groups if _is_chosen(g, request)), groups[0] if groups else None)
    members = None
    if chosen is not None:
        rows = summary.members(chosen.rule, chosen.level).select_related("satellite__plane")
        rows = rows.order_by("is_acknowledged", "-level", "satellite__code")
        members = Paginator(rows, MEMBERS).get_page(request.GET.get("page"))
        console.told(members.object_list)
    template = "alarms/alarms_parts.html" if request.htmx else "alarms/alarms.html"
    return render(
        request,
        template,
        {
            "groups": groups,
            "chosen": chosen,
            "members": members,
            "counts": summary.counts(),
            "silenced": Alarm.objects.filter(state__in=lifecycle.INHIBITED).count(),
            "late_s": looking.late_s(clock.wall()),
            "violations": Violation.objects.select_related("satellite").order_by("-recorded_at")[
                :5
            ],
            "may_act": roles.may(request.user, "alarms.change_alarm"),
            "may_see_subscriptions": roles.may(request.user, "alarms.view_subscription"),
            "section": "alarms",
        },
    )


def _from_dumps() -> QuerySet[Violation]:
    return Violation.objects.select_related("satellite").order_by("-recorded_at")[:5]


def _is_chosen(group: summary.Group, request: HttpRequest) -> bool:
    asked = request.GET.get("rule", ""), request.GET.get("level", "")
    return (group.rule, str(group.level)) == asked


@require_safe
@needs("alarms.view_alarm")
def alarm_count(request: HttpRequest) -> HttpResponse:
    """The count in the header of every page, fetched again when alarms change."""
    return render(request, "alarms/count.html", {"shown": summary.counts()})


@require_safe
@needs("alarms.view_alarm")
def alarm_page(request: HttpRequest, alarm_id: UUID) -> HttpResponse:
    """One alarm: what is wrong, the plot around it with its limits, and all that happened to it."""
    alarm = _alarm(alarm_id)
    template = "alarms/alarm_parts.html" if request.htmx else "alarms/alarm.html"
    others = Alarm.objects.filter(rule=alarm.rule, state__in=lifecycle.OPEN).exclude(pk=alarm.pk)
    return render(
        request,
        template,
        {
            "alarm": alarm,
            "plot": console.plot_of(alarm),
            "history": console.history(alarm.transitions.order_by("-id")[:HISTORY]),
            "violations": Violation.objects.filter(
                satellite=alarm.satellite, rule=alarm.rule
            ).order_by("-first_ns")[:20],
            "others": others.count(),
            "hours": HOURS,
            "may_act": roles.may(request.user, "alarms.change_alarm"),
            "section": "alarms",
        },
    )


def _alarm(alarm_id: UUID) -> Alarm:
    rows = Alarm.objects.select_related("satellite__profile", "satellite__plane")
    told = console.told(list(rows.filter(pk=alarm_id)))
    if not told:
        raise Http404("There is no such alarm.")
    return told[0]


@require_safe
@needs("alarms.view_alarm")
def silenced_page(request: HttpRequest) -> HttpResponse:
    """Everything that is kept from the list: shelved, suppressed, out of service."""
    rows = Alarm.objects.filter(state__in=lifecycle.INHIBITED).select_related("satellite")
    page = Paginator(rows.order_by("state", "shelved_until", "name", "id"), MEMBERS).get_page(
        request.GET.get("page")
    )
    console.told(page.object_list)
    return render(
        request,
        "alarms/silenced.html",
        {
            "page": page,
            "may_act": roles.may(request.user, "alarms.change_alarm"),
            "section": "alarms",
        },
    )


@require_POST
@needs("alarms.change_alarm")
def act_on_alarm(request: HttpRequest, alarm_id: UUID, action: str) -> HttpResponse:
    """Do one of the actions to one alarm, and go back to where one came from."""
    said = cleaned(ActionForm(request.POST))
    _alarm(alarm_id)
    _act(request, action, [alarm_id], said)
    return redirect(_back(said["next"], reverse("alarm", args=[alarm_id])))


@require_POST
@needs("alarms.change_alarm")
def act_on_group(request: HttpRequest, action: str) -> HttpResponse:
    """Do one of the actions to all open alarms of a group."""
    said = cleaned(GroupForm(request.POST))
    rows = summary.members(said["rule"], said["level"]).values_list("pk", flat=True)
    _act(request, action, list(rows[: operating.ALARMS_MOST]), said)
    return redirect(_back(said["next"], reverse("alarms")))


def _act(request: HttpRequest, action: str, ids: list[UUID], said: dict) -> None:
    by, now, reason = request.user.get_username(), clock.now(), said["reason"]
    acts = {
        "acknowledge": lambda: operating.acknowledge(
            ids,
            by=by,
            now=now,
            reason=reason,
            occurrence=said["occurrence"] if len(ids) == 1 else None,
        ),
        "shelve": lambda: operating.shelve(
            ids, until=now + timedelta(hours=said["hours"] or 4), by=by, now=now, reason=reason
        ),
        "unshelve": lambda: operating.unshelve(ids, by=by, now=now, reason=reason),
        "clear": lambda: operating.clear(ids, by=by, now=now, reason=reason),
        "remove": lambda: operating.take_out_of_service(ids, by=by, now=now, reason=reason),
        "restore": lambda: operating.put_in_service(ids, by=by, now=now, reason=reason),
        "note": lambda: operating.note(ids, by=by, now=now, reason=reason),
    }
    if action not in acts:
        raise Http404(f"There is no action {action}.")
    try:
        done = acts[action]()
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return
    if done.refused:
        first = next(iter(done.refused.values()))
        messages.warning(request, f"{len(done.refused)} were left as they are: {first}")


def _back(address: str, otherwise: str) -> str:
    is_ours = address.startswith("/") and url_has_allowed_host_and_scheme(address, None)
    return address if is_ours else otherwise


urlpatterns = [
    path("alarms", alarms_page, name="alarms"),
    path("alarms/count", alarm_count, name="alarm-count"),
    path("alarms/silenced", silenced_page, name="silenced-alarms"),
    path("alarms/group/<str:action>", act_on_group, name="act-on-group"),
    path("alarms/<uuid:alarm_id>", alarm_page, name="alarm"),
    path("alarms/<uuid:alarm_id>/<str:action>", act_on_alarm, name="act-on-alarm"),
    *limit_pages.urlpatterns,
    *subscription_pages.urlpatterns,
]

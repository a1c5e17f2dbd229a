"""Rollouts, revocations and divergences by REST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ops import clock, errors
from ops.api import Page
from uplink.rollouts import bodies, control, planning, release_overview, revoking, targets
from uplink.rollouts.models import Divergence, Revocation, Rollout, State

_PAGES = ("cursor", "limit")


class RolloutPage(Page):
    ordering = ("-created_at", "-id")


class TargetPage(Page):
    ordering = ("ring__number", "satellite__code")


class DivergencePage(Page):
    ordering = ("satellite__code",)


class RevocationPage(Page):
    ordering = ("-revoked_at", "-id")


def _asked(request: Request, *known: str) -> dict[str, str]:
    """Return the query's parameters; one that is not known is refused by name."""
    for name in request.query_params:
        if name not in (*known, *_PAGES):
            listed = ", ".join((*known, *_PAGES))
            raise errors.Invalid(f"There is no parameter {name}; those known are {listed}.")
    return {name: request.query_params[name] for name in known if name in request.query_params}


def _rows():
    return Rollout.objects.select_related("version__model", "created_by", "decided_by")


class RolloutsView(APIView):
    """`GET /rollouts?state=…&model=…`, the newest first."""

    permissions = {"GET": "rollouts.view_rollout"}

    def get(self, request: Request) -> Response:
        asked, rows = _asked(request, "state", "model"), _rows()
        if state := asked.get("state"):
            if state not in State.values:
                raise errors.Invalid(f"There is no state {state!r}; use {', '.join(State.values)}.")
            rows = rows.filter(state=state)
        if model := asked.get("model"):
            rows = rows.filter(version__model__name=model)
        page = RolloutPage()
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(bodies.RolloutBody(shown, many=True).data)


class RolloutView(APIView):
    """One rollout: PUT plans it under an id the caller chose, GET tells it with its rings."""

    permissions = {"GET": "rollouts.view_rollout", "PUT": "rollouts.add_rollout"}

    def get(self, request: Request, rollout_id: UUID) -> Response:
        _asked(request)
        return Response(_told(get_object_or_404(_rows(), pk=rollout_id)))

    def put(self, request: Request, rollout_id: UUID) -> Response:
        asked = bodies.RolloutRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        row, is_new = planning.create(
            rollout_id=rollout_id,
            organisation=request.user.organisation,
            user=request.user,
            rings_asked=wanted.pop("rings"),
            now=clock.now(),
            **wanted,
        )
        return Response(_told(row), status=201 if is_new else 200)


def _told(row: Rollout) -> dict[str, Any]:
    rings = bodies.RingBody(row.rings.all(), many=True).data
    return {**bodies.RolloutBody(row).data, "rings": rings}


class TargetsView(APIView):
    """`GET /rollouts/{id}/targets?ring=0&state=FAILED`."""

    permissions = {"GET": "rollouts.view_rollout"}

    def get(self, request: Request, rollout_id: UUID) -> Response:
        row = get_object_or_404(Rollout, pk=rollout_id)
        asked = _asked(request, "ring", "state")
        rows = row.targets.select_related("satellite", "ring", "transfer")
        if "ring" in asked:
            if not asked["ring"].isdecimal() or len(asked["ring"]) > 4:
                raise errors.Invalid(f"A ring is a number, not {asked['ring']!r}.")
            rows = rows.filter(ring__number=int(asked["ring"]))
        state = asked.get("state", "")
        if state and state not in targets.STATES:
            raise errors.Invalid(f"There is no state {state!r}; use {', '.join(targets.STATES)}.")
        if state:  # derived, so that the page is cut after it is known
            told = bodies.target_bodies(list(rows.order_by(*TargetPage.ordering)), now=clock.now())
            chosen = [one for one in told if one["state"] == state]
            return Response({"next": None, "previous": None, "results": chosen})
        page = TargetPage()
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(bodies.target_bodies(shown, now=clock.now()))


class TargetView(APIView):
    """One satellite of a rollout, with the golden prompts and measurements it was judged by."""

    permissions = {"GET": "rollouts.view_rollout"}

    def get(self, request: Request, rollout_id: UUID, code: str) -> Response:
        _asked(request)
        row = get_object_or_404(Rollout, pk=rollout_id)
        rows = row.targets.select_related("satellite", "ring", "transfer")
        target = get_object_or_404(rows, satellite__code=code)
        return Response(
            {**bodies.target_bodies([target], now=clock.now())[0], **bodies.judged(target)}
        )


class DecisionView(APIView):
    """`POST /rollouts/{id}/approve` and `…/deny`, by another person than who made it."""

    permissions = {"POST": "rollouts.approve_rollout"}

    def post(self, request: Request, rollout_id: UUID, change: str) -> Response:
        asked = bodies.RemarkRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        decide = {"approve": control.approve, "deny": control.deny}[change]
        remark = asked.validated_data["remark"]
        return Response(
            _told(decide(rollout_id, user=request.user, remark=remark, now=clock.now()))
        )


_CHANGES: dict[str, Callable[..., Rollout]] = {
    "start": control.start,
    "pause": control.pause,
    "resume": control.resume,
    "stop": control.stop,
    "retry": control.retry,
    "rollback": control.roll_back_by_hand,
}
_WITH_REASON = {"pause": "paused by hand", "stop": "stopped by hand", "rollback": "by hand"}


class ChangeView(APIView):
    """`POST /rollouts/{id}/start`, `pause`, `resume`, `stop`, `retry` and `rollback`."""

    permissions = {"POST": "rollouts.change_rollout"}

    def post(self, request: Request, rollout_id: UUID, change: str) -> Response:
        known = bodies.ReasonRequest if change in _WITH_REASON else bodies.Named
        asked = known(data=request.data)
        asked.is_valid(raise_exception=True)
        said = {}
        if change in _WITH_REASON:
            said["reason"] = asked.validated_data["reason"] or _WITH_REASON[change]
        return Response(_told(_CHANGES[change](rollout_id, now=clock.now(), **said)))


class EmergencyStopView(APIView):
    """`POST /rollouts/emergency-stop` ends every rollout where it is."""

    permissions = {"POST": "rollouts.change_rollout"}

    def post(self, request: Request) -> Response:
        asked = bodies.ReasonRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        reason = asked.validated_data["reason"] or "emergency stop"
        stopped = control.stop_all(now=clock.now(), reason=reason)
        return Response({"stopped": [str(row.pk) for row in stopped]})


class RevocationsView(APIView):
    permissions = {"GET": "rollouts.view_rollout"}

    def get(self, request: Request) -> Response:
        _asked(request)
        page = RevocationPage()
        rows = Revocation.objects.select_related("version__model", "revoked_by")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(bodies.RevocationBody(shown, many=True).data)


class RevocationView(APIView):
    """`PUT /revocations/{id}` takes a version off every satellite and sends it to none. The answer
    names those that do not know yet what was withdrawn."""

    permissions = {"GET": "rollouts.view_rollout", "PUT": "rollouts.revoke_version"}

    def get(self, request: Request, revocation_id: UUID) -> Response:
        _asked(request)
        return Response(_of_revocation(get_object_or_404(Revocation, pk=revocation_id)))

    def put(self, request: Request, revocation_id: UUID) -> Response:
        asked = bodies.RevocationRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        row, is_new = revoking.revoke(
            revocation_id=revocation_id,
            organisation=request.user.organisation,
            user=request.user,
            now=clock.now(),
            **asked.validated_data,
        )
        return Response(_of_revocation(row), status=201 if is_new else 200)


def _of_revocation(row: Revocation) -> dict[str, Any]:
    to_tell = [one.code for one in release_overview.unaware()]
    return {**bodies.RevocationBody(row).data, "satellites_to_tell": to_tell}


class DivergencesView(APIView):
    """`GET /divergences`: satellites that run something else than they should, and why."""

    permissions = {"GET": "rollouts.view_rollout"}

    def get(self, request: Request) -> Response:
        _asked(request)
        page = DivergencePage()
        rows = Divergence.objects.select_related("satellite")
        shown = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(bodies.DivergenceBody(shown, many=True).data)


_ROLLOUT = "rollouts/<uuid:rollout_id>"
urlpatterns = [
    path("rollouts", RolloutsView.as_view()),
    path("rollouts/emergency-stop", EmergencyStopView.as_view()),
    path(_ROLLOUT, RolloutView.as_view()),
    path(f"{_ROLLOUT}/targets", TargetsView.as_view()),
    path(f"{_ROLLOUT}/targets/<str:code>", TargetView.as_view()),
    *(
        path(f"{_ROLLOUT}/{change}", DecisionView.as_view(), {"change": change})
        for change in ("approve", "deny")
    ),
    *(
        path(f"{_ROLLOUT}/{change}", ChangeView.as_view(), {"change": change})
        for change in _CHANGES
    ),
    path("revocations", RevocationsView.as_view()),
    path("revocations/<uuid:revocation_id>", RevocationView.as_view()),
    path("divergences", DivergencesView.as_view()),
]

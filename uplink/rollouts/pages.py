"""Pages of rollouts: the fleet by version, and one rollout with its rings, gates and reasons."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from ops import clock
from ops.accounts import roles
from ops.errors import Forbidden, Invalid, NotFound
from ops.pages import needs
from uplink.rollouts import control, overview, plan_pages, release_pages
from uplink.rollouts.models import Rollout


@require_safe
@needs("rollouts.view_rollout")
def rollouts_page(request: HttpRequest) -> HttpResponse:
    """The fleet by version, the rollouts, and who runs something else than they should.

    Asked for by htmx (when something moved), it answers with the moving parts alone.
    """
    template = "rollouts/rollouts_parts.html" if request.htmx else "rollouts/rollouts.html"
    return render(
        request,
        template,
        {
            "now": clock.now(),
            "rollouts": overview.rollouts(),
            "mosaic": overview.fleet_by_version(),
            "divergences": overview.divergences(),
            "may_change": roles.may(request.user, "rollouts.change_rollout"),
            "section": "rollouts",
        },
    )


@require_safe
@needs("rollouts.view_rollout")
def rollout_page(request: HttpRequest, rollout_id: UUID) -> HttpResponse:
    """One rollout; asked for by htmx, its moving parts alone."""
    rows = Rollout.objects.select_related(
        "version__model", "version__artefact", "created_by", "decided_by"
    )
    rollout = rows.filter(pk=rollout_id).first()
    if rollout is None:
        raise NotFound(f"There is no rollout {rollout_id}.")
    template = "rollouts/rollout_parts.html" if request.htmx else "rollouts/rollout.html"
    may_change = roles.may(request.user, "rollouts.change_rollout")
    actions = overview.ACTIONS.get(rollout.state, []) if may_change else []
    if rollout.created_by_id == request.user.pk:
        actions = [one for one in actions if one not in ("approve", "deny")]
    shown = overview.of_rollout(rollout, clock.now())
    shown |= {"actions": [(one, overview.WORDS[one]) for one in actions], "section": "rollouts"}
    return render(request, template, shown)


@require_POST
@needs("rollouts.change_rollout")
def change(request: HttpRequest, rollout_id: UUID, change: str) -> HttpResponse:
    """Steer a rollout by a button of its page."""
    now = clock.now()
    match change:
        case "approve" | "deny":
            if not roles.may(request.user, "rollouts.approve_rollout"):
                raise Forbidden("Your role may not approve rollouts.")
            decide = control.approve if change == "approve" else control.deny
            rollout = decide(rollout_id, user=request.user, remark="", now=now)
        case "start" | "resume" | "retry":
            steer = {"start": control.start, "resume": control.resume, "retry": control.retry}
            rollout = steer[change](rollout_id, now=now)
        case "pause" | "stop":
            steer = {"pause": control.pause, "stop": control.stop}[change]
            reason = f"{'paused' if change == 'pause' else 'stopped'} by {request.user.username}"
            rollout = steer(rollout_id, now=now, reason=reason)
        case "rollback":
            reason = f"rolled back by {request.user.username}"
            rollout = control.roll_back_by_hand(rollout_id, now=now, reason=reason)
        case _:
            raise NotFound(f"A rollout cannot be {change!r}.")
    messages.success(request, f"{rollout.name}: {overview.told(rollout).words}.")
    return redirect("rollout", rollout_id=rollout_id)


@require_POST
@needs("rollouts.change_rollout")
def emergency_stop(request: HttpRequest) -> HttpResponse:
    """End every rollout where it is; the word STOP keeps a slip of the hand from doing it."""
    if request.POST.get("confirm", "").strip().upper() != "STOP":
        raise Invalid("Write STOP beside the button to stop all rollouts; nothing was stopped.")
    reason = f"emergency stop by {request.user.username}"
    stopped = control.stop_all(now=clock.now(), reason=reason)
    count = len(stopped)
    messages.success(request, f"{count} rollout{'s' if count != 1 else ''} stopped.")
    return redirect("rollouts")


urlpatterns = [
    *release_pages.urlpatterns,
    *plan_pages.urlpatterns,
    path("rollouts", rollouts_page, name="rollouts"),
    path("rollouts/emergency-stop", emergency_stop, name="emergency-stop"),
    path("rollouts/<uuid:rollout_id>", rollout_page, name="rollout"),
    path("rollouts/<uuid:rollout_id>/<str:change>", change, name="change-rollout"),
]

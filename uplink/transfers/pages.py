"""Pages of models and transfers: what there is, who runs it, and what is on its way."""

from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from constellation.models import Satellite
from ops import clock
from ops.accounts import roles
from ops.errors import NotFound, Refusal
from ops.pages import cleaned, needs
from uplink.registry.models import Version
from uplink.transfers import overview, watching
from uplink.transfers.models import Transfer


@require_safe
@needs("registry.view_model")
def models_page(request: HttpRequest) -> HttpResponse:
    """Models and versions; for those who fly the fleet, transfers and who runs what, too.

    Asked for by htmx (when a transfer moved), it answers with the moving parts alone.
    """
    now = clock.now()
    flies = roles.may(request.user, "transfers.view_transfer")
    template = "transfers/models_parts.html" if request.htmx else "transfers/models.html"
    return render(
        request,
        template,
        {
            "now": now,
            "versions": overview.versions(),
            "flies": flies,
            "transfers": overview.transfers(now) if flies else [],
            "matrix": overview.matrix() if flies else [],
            "uplinked_bytes": overview.uplinked_bytes() if flies else 0,
            "may_transfer": roles.may(request.user, "transfers.add_transfer"),
            "section": "models",
        },
    )


class SendForm(forms.Form):
    version = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    satellite = forms.CharField(max_length=32, required=False)


@require_POST
@needs("transfers.add_transfer")
def send(request: HttpRequest) -> HttpResponse:
    """Start a transfer of a version to one satellite, or to all that its profiles name."""
    from uplink.transfers import requests

    wanted = cleaned(SendForm(request.POST))
    version = Version.objects.select_related("artefact").filter(pk=wanted["version"]).first()
    if version is None:
        raise NotFound("There is no such version of a model.")
    chosen = Satellite.objects.filter(is_active=True, profile__in=version.profiles.all())
    if code := wanted["satellite"]:
        chosen = Satellite.objects.filter(code=code)
        if not chosen:
            raise NotFound(f"There is no satellite {code}.")
    begun = 0
    for satellite in chosen:
        try:
            requests.request(
                transfer_id=uuid4(),
                satellite=satellite,
                artefact=version.artefact,
                version=version,
                organisation=request.user.organisation,
                now=clock.now(),
            )
            begun += 1
        except Refusal as refusal:
            messages.error(request, f"{satellite.code}: {refusal}")
    if begun:
        messages.success(request, f"{version} is on its way to {begun} satellites.")
    return redirect("models")


@require_safe
@needs("transfers.view_transfer")
def transfer_page(request: HttpRequest, transfer_id: UUID) -> HttpResponse:
    """One transfer: its packs, the contacts that carried them, its forecast."""
    rows = Transfer.objects.select_related(
        "satellite", "artefact", "version__model", "package", "organisation", "forecast"
    )
    transfer = rows.filter(pk=transfer_id).first()
    if transfer is None:
        raise NotFound(f"There is no transfer {transfer_id}.")
    template = "transfers/transfer_parts.html" if request.htmx else "transfers/transfer.html"
    shown = watching.of_transfer(transfer, clock.now())
    shown |= {
        "may_change": roles.may(request.user, "transfers.change_transfer"),
        "section": "models",
    }
    return render(request, template, shown)


@require_POST
@needs("transfers.change_transfer")
def change(request: HttpRequest, transfer_id: UUID, change: str) -> HttpResponse:
    """Suspend a transfer or let it go on, cancel it, or take it up again."""
    from uplink.transfers import requests, suspending

    now = clock.now()
    acts = {"resume": suspending.resume, "cancel": requests.cancel, "retry": requests.retry}
    if change == "suspend":
        reason = f"suspended by {request.user.username}"
        transfer = suspending.suspend(transfer_id, now=now, reason=reason)
    elif change in acts:
        transfer = acts[change](transfer_id, now=now)
    else:
        raise NotFound(f"A transfer cannot be {change!r}.")
    messages.success(request, f"The transfer is {transfer.get_state_display().lower()}.")
    return redirect("transfer", transfer_id=transfer_id)


urlpatterns = [
    path("models", models_page, name="models"),
    path("models/send", send, name="send-model"),
    path("transfers/<uuid:transfer_id>", transfer_page, name="transfer"),
    path("transfers/<uuid:transfer_id>/<str:change>", change, name="change-transfer"),
]

"""Pages of the console itself: signing in, the mission clock, API keys."""

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth import views as auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from ops import clock
from ops.accounts import keys
from ops.pages import cleaned, needs


class ClockForm(forms.Form):
    action = forms.ChoiceField(
        choices=[(each, each) for each in ("pause", "resume", "jump")], required=False
    )
    rate = forms.FloatField(required=False)
    jump_min = forms.FloatField(
        required=False, min_value=0, max_value=clock.JUMP_MOST / timedelta(minutes=1)
    )

    def clean(self) -> dict:
        given = super().clean()
        if given.get("action") == "jump" and given.get("jump_min") is None:
            self.add_error("jump_min", "A jump says by how many minutes.")
        return given


class KeyForm(forms.Form):
    name = forms.CharField(
        max_length=100, error_messages={"required": "A key needs a name, to tell it from others."}
    )


@require_safe
@needs("contacts.view_contact")
def next_contacts(request: HttpRequest) -> HttpResponse:
    """The countdown of the header alone, fetched again when contacts change."""
    return render(request, "console/next_contacts.html")


@require_POST
@needs("ops.change_clock")
def change_clock(request: HttpRequest) -> HttpResponse:
    """Pause, resume, set the rate, or jump forward; then back to the page one came from."""
    wanted = cleaned(ClockForm(request.POST))
    try:
        if wanted["rate"] is not None:
            clock.set_rate(wanted["rate"])
        elif wanted["action"] == "pause":
            clock.pause()
        elif wanted["action"] == "resume":
            clock.resume()
        elif wanted["action"] == "jump":
            clock.jump_by(timedelta(minutes=wanted["jump_min"]))
    except clock.ClockRefused as refusal:
        messages.error(request, str(refusal))
    return redirect(_back(request))


@require_safe
@never_cache
@needs("accounts.view_apikey")
def api_keys(request: HttpRequest) -> HttpResponse:
    """The organisation's API keys; a new one is shown once, right after it was made."""
    rows = keys.of_organisation(request.user.organisation)
    return render(request, "console/keys.html", {"keys": rows})


@require_POST
@never_cache
@needs("accounts.add_apikey")
@sensitive_variables("key")
def add_key(request: HttpRequest) -> HttpResponse:
    name = cleaned(KeyForm(request.POST))["name"]
    _, key = keys.issue(user=request.user, name=name)
    rows = keys.of_organisation(request.user.organisation)
    return render(request, "console/keys.html", {"keys": rows, "new_key": key})


@require_POST
@needs("accounts.change_apikey")
def revoke_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    keys.revoke(key_id=key_id, organisation=request.user.organisation)
    return redirect("keys")


def _back(request: HttpRequest) -> str:
    address = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts={request.get_host()})
    return address if is_ours else "/"


urlpatterns = [
    path("login", auth.LoginView.as_view(template_name="console/login.html"), name="login"),
    path("logout", auth.LogoutView.as_view(), name="logout"),
    path("clock", change_clock, name="clock"),
    path("next-contacts", next_contacts, name="next-contacts"),
    path("keys", api_keys, name="keys"),
    path("keys/new", add_key, name="add-key"),
    path("keys/<uuid:key_id>/revoke", revoke_key, name="revoke-key"),
]

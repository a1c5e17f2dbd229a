"""Pages of the console itself: signing in, the mission clock, API keys."""

from datetime import timedelta
from uuid import UUID

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
from ops.errors import Invalid
from ops.pages import needs


class InvalidForm(Invalid):
    code = "invalid_form"


@require_safe
@needs("contacts.view_contact")
def next_contacts(request: HttpRequest) -> HttpResponse:
    """The countdown of the header alone, fetched again when contacts change."""
    return render(request, "console/next_contacts.html")


@require_POST
@needs("ops.change_clock")
def change_clock(request: HttpRequest) -> HttpResponse:
    """Pause, resume, set the rate, or jump forward; then back to the page one came from."""
    try:
        if rate := request.POST.get("rate"):
            clock.set_rate(float(rate))
        elif request.POST.get("action") == "pause":
            clock.pause()
        elif request.POST.get("action") == "resume":
            clock.resume()
        elif request.POST.get("action") == "jump":
            clock.jump_by(timedelta(minutes=float(request.POST["jump_min"])))
    except (ValueError, KeyError, OverflowError) as error:
        raise InvalidForm("A rate and a jump are numbers.") from error
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
    name = request.POST.get("name", "").strip()
    if not name or len(name) > 100:
        raise InvalidForm("A key needs a name of up to 100 characters, to tell it from others.")
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

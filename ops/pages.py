"""Doors of pages: who may open them, and refusals as pages a person can read."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ops.accounts import roles
from ops.errors import Invalid, Refusal

View = Callable[..., HttpResponse]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show a person that an address leads nowhere (Django's `handler404`)."""
    said = {"reason": f"There is nothing at {request.path}.", "status": 404}
    return render(request, "console/refused.html", said, status=404)


class BadForm(Invalid):
    code = "invalid_form"


def cleaned(form: forms.Form) -> dict[str, Any]:
    """Return what a form holds, or refuse it, naming each field that is wrong."""
    if form.is_valid():
        return form.cleaned_data
    wrong = (f"{name}: {' '.join(said)}" for name, said in form.errors.items())
    raise BadForm(" ".join(wrong))


def _check_text(request: HttpRequest) -> None:
    """Refuse the character that PostgreSQL cannot hold, wherever a field has it."""
    for fields in (request.GET, request.POST):
        for name, values in fields.lists():
            if any("\0" in text for text in (name, *values)):
                raise BadForm(f"{name!r} holds the character NUL, which no text here may.")


def needs(permission: str) -> Callable[[View], View]:
    """Open a page only to users who hold `permission`; others log in or read why not."""

    def guard(view: View) -> View:
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not roles.may(request.user, permission):
                reason = {"reason": "Your role may not open this page.", "status": 403}
                return render(request, "console/refused.html", reason, status=403)
            try:
                _check_text(request)
                return view(request, *args, **kwargs)
            except Refusal as refusal:
                reason = {"reason": str(refusal), "status": refusal.status}
                return render(request, "console/refused.html", reason, status=refusal.status)

        return page

    return guard

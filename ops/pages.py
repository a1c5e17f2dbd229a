"""Doors of pages: who may open them, and refusals as pages a person can read."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
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


class InstantField(forms.Field):
    """An instant as the console writes it, `2026-234T12:00:00Z`, or with month and day; without an
    offset it is UTC, and seconds may be left out."""

    _BY_DAY = ("%Y-%jT%H:%M:%SZ", "%Y-%jT%H:%MZ", "%Y-%jT%H:%M:%S", "%Y-%jT%H:%M")
    default_error_messages = {
        "invalid": "An instant is such as 2026-234T12:00:00Z or 2026-08-22T12:00:00Z."
    }

    def to_python(self, value: str | None) -> datetime | None:
        words = (value or "").strip()
        if not words:
            return None
        for form in self._BY_DAY:
            with suppress(ValueError):
                found = datetime.strptime(words, form).replace(tzinfo=UTC)
                if words.startswith(f"{found:%Y-%j}"):  # day 366 of 365 is none
                    return found
        try:
            found = datetime.fromisoformat(words)
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            raise forms.ValidationError(self.error_messages["invalid"], "invalid") from None


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

"""Doors of pages: who may open them, and refusals as pages a person can read."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from ops.accounts import roles
from ops.errors import Refusal

View = Callable[..., HttpResponse]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show a person that an address leads nowhere (Django's `handler404`)."""
    said = {"reason": f"There is nothing at {request.path}.", "status": 404}
    return render(request, "console/refused.html", said, status=404)


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
                return view(request, *args, **kwargs)
            except Refusal as refusal:
                reason = {"reason": str(refusal), "status": refusal.status}
                return render(request, "console/refused.html", reason, status=refusal.status)

        return page

    return guard

"""What every page of the console shows: mission time, the next contacts, where one may go."""

from typing import Any

from django.http import HttpRequest

from ops import clock
from ops.accounts import roles
from ops.console import panels

CONTACTS_PERMISSION = "contacts.view_contact"


def console(request: HttpRequest) -> dict[str, Any]:
    """Context processor. A page rendered for nobody in particular gets the clock alone."""
    reading = clock.reading()
    now = reading.at(clock.wall())
    user = getattr(request, "user", None)
    shown: dict[str, Any] = {
        "clock_simulated": reading.simulated,
        "clock_rate": reading.rate,
        "clock_paused": reading.rate == 0,
        "now": now,
        "now_ms": round(now.timestamp() * 1000),
    }
    if user is not None and user.is_authenticated:
        shown["pages"] = panels.pages_for(user)
        shown["header_parts"] = panels.header_for(user, now)
        shown["may_change_clock"] = roles.may(user, "ops.change_clock")
        shown["may_view_keys"] = roles.may(user, "accounts.view_apikey")
        if roles.may(user, CONTACTS_PERMISSION):
            shown["next_contacts"] = panels.next_contacts(user, now)
    return shown

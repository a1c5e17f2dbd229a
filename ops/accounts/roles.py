"""What each role may do: one table.

A permission is `app.verb_noun`. Operators of the organisation that operates the fleet may
everything; the others only what stands here. Members of any other organisation may no more than
what is shared with customers, whatever their role: those doors show and change what is their own.
Doors name the permission; nothing else decides.
"""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from ops.accounts.models import Role, User

_VIEW = {
    "constellation.view_satellite",
    "constellation.view_station",
    "constellation.view_pass",
    "contacts.view_contact",
    "telemetry.view_sample",
    "telemetry.view_packet",
    "telemetry.view_replay",
    "alarms.view_alarm",
    "alarms.view_limit",
    "telemetry.view_definition",
    "registry.view_model",
    "registry.view_artefact",
    "releases.view_release",
    "transfers.view_transfer",
    "rollouts.view_rollout",
    "commands.view_command",
    "inference.view_query",
    "live.view_event",
    "ops.view_clock",
}
_CUSTOMER = {
    "registry.view_model",
    "inference.view_query",
    "inference.add_query",
}
PERMISSIONS = {Role.VIEWER: _VIEW, Role.CUSTOMER: _CUSTOMER}
SHARED = _CUSTOMER | {
    "accounts.view_apikey",
    "accounts.add_apikey",
    "accounts.change_apikey",
    "constellation.view_satellite",
    "constellation.view_station",
    "constellation.view_pass",
    "contacts.view_contact",
    "contacts.add_contact",
    "contacts.change_contact",
    "contacts.delete_contact",
    "ops.view_clock",
    "registry.add_upload",
}
"""What members of organisations that do not operate the fleet may at most: where satellites and
stations are, and contacts, uploads, questions and keys of their own organisation."""


def may(user: Any, permission: str) -> bool:
    """Say whether `user` holds `permission`, by role and organisation."""
    if not user.is_authenticated or not user.is_active:
        return False
    if user.role != Role.OPERATOR and permission not in PERMISSIONS.get(user.role, set()):
        return False
    return permission in SHARED or user.organisation.operates_fleet


def steers_fleet(user: Any) -> bool:
    """Say whether `user` belongs to the organisation that operates the fleet."""
    return bool(user.is_authenticated and user.is_active and user.organisation.operates_fleet)


class RoleBackend(ModelBackend):
    """Passwords as Django checks them, permissions from the table above."""

    def has_perm(self, user_obj: User, perm: str, obj: Any = None) -> bool:
        return may(user_obj, perm)

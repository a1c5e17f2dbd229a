"""What each role may do: one table.

A permission is `app.verb_noun`. Operators may everything; the others only what stands here. Doors
name the permission; nothing else decides.
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


def may(user: Any, permission: str) -> bool:
    """Say whether `user` holds `permission`, by role."""
    if not user.is_authenticated or not user.is_active:
        return False
    return user.role == Role.OPERATOR or permission in PERMISSIONS.get(user.role, set())


class RoleBackend(ModelBackend):
    """Passwords as Django checks them, permissions from the table above."""

    def has_perm(self, user_obj: User, perm: str, obj: Any = None) -> bool:
        return may(user_obj, perm)

"""Who may call an endpoint: the view names a permission for each method."""

from typing import Any

from rest_framework import exceptions
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ops.accounts import roles


class NamedPermission(BasePermission):
    """Let a request in when its user holds the permission the view names for the method.

    A view says `permissions = {"GET": "contacts.view_contact", "PUT": "contacts.add_contact"}`.
    A method without a name is refused to everybody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method in ("HEAD", "OPTIONS") else request.method
        name = getattr(view, "permissions", {}).get(method)
        if name is None:
            raise exceptions.MethodNotAllowed(method)
        return roles.may(request.user, name)

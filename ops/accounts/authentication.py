"""`Authorization: Bearer <key>` for programs; the console has its session."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from ops.accounts import keys


class KeyAuthentication(BaseAuthentication):
    """Recognise an API key; a request without one goes on to the session."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        scheme, _, key = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        row = keys.recognise(key.strip())
        if row is None:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        return row.user, row

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

"""Tokens in the addresses of calendar feeds: made, recognised and taken back by who uses them."""

import hashlib
import secrets
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from constellation.models import CalendarToken
from ops.accounts.models import User
from ops.errors import IdReused, NotFound

_MARK = "zc_"


def issue(*, token_id: UUID, user: User, name: str) -> tuple[CalendarToken, str | None]:
    """Make a token; return its row and the token itself, which is told only this once.

    Safe to repeat: the second time the row comes without the token, which nobody has any more.
    """
    token = _MARK + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            row = CalendarToken.objects.create(
                id=token_id,
                organisation=user.organisation,
                user=user,
                name=name,
                prefix=token[:8],
                digest=_digest(token),
            )
            return row, token
    except IntegrityError:
        row = CalendarToken.objects.filter(pk=token_id, user=user, name=name).first()
        if row is None:
            raise IdReused(f"{token_id} already names another calendar token.") from None
        return row, None


def recognise(token: str) -> CalendarToken | None:
    """Return the row of a valid token, or None when it is unknown or revoked."""
    return (
        CalendarToken.objects.select_related("user__organisation")
        .filter(digest=_digest(token), revoked_at=None, user__is_active=True)
        .first()
    )


def of_user(user: User) -> QuerySet[CalendarToken]:
    """Return somebody's tokens, the newest first, revoked ones too."""
    return CalendarToken.objects.filter(user=user).order_by("-created_at")


def revoke(*, token_id: UUID, user: User) -> CalendarToken:
    """End one of one's own tokens for good; ending it again changes nothing."""
    row = CalendarToken.objects.filter(pk=token_id, user=user).first()
    if row is None:
        raise NotFound("There is no such calendar token.")
    if row.revoked_at is None:
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
    return row


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

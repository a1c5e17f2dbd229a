"""Making and recognising API keys. A key is shown once; the database holds its hash."""

import hashlib
import secrets
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from ops.accounts.models import ApiKey, Organisation, User
from ops.errors import NotFound

_MARK = "zk_"


class NoSuchKey(NotFound):
    code = "no_such_key"


def issue(*, user: User, name: str, key: str | None = None) -> tuple[ApiKey, str]:
    """Make a key for `user` and return its row and the key itself, which is shown only now.

    `key` lets a restarted set-up put back the key it printed before; the same key twice is the
    same row.
    """
    key = key or _MARK + secrets.token_urlsafe(32)
    row, _ = ApiKey.objects.get_or_create(
        digest=_digest(key),
        defaults={
            "organisation": user.organisation,
            "user": user,
            "name": name,
            "prefix": key[:10],
        },
    )
    return row, key


def recognise(key: str) -> ApiKey | None:
    """Return the valid key that `key` is, or None when it is unknown, revoked or expired."""
    valid = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return (
        ApiKey.objects.select_related("user__organisation")
        .filter(valid, digest=_digest(key), revoked_at=None, user__is_active=True)
        .first()
    )


def of_organisation(organisation: Organisation) -> QuerySet[ApiKey]:
    """Return an organisation's keys, newest first, revoked ones too."""
    return organisation.api_keys.select_related("user").order_by("-created_at")


def revoke(*, key_id: UUID, organisation: Organisation) -> None:
    """End a key for good; ending it again changes nothing."""
    rows = ApiKey.objects.filter(pk=key_id, organisation=organisation)
    if not rows.exists():
        raise NoSuchKey("There is no such key.")
    rows.filter(revoked_at=None).update(revoked_at=timezone.now())


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()

"""Whose signatures count: the first root, and how keys change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from tuf.api.metadata import Metadata
from tuf.api.metadata import Root as RootDocument

from ops import errors
from uplink.registry.trust import documents
from uplink.registry.trust.documents import Public
from uplink.releases import keyfiles
from uplink.releases.models import Root

KEYS, THRESHOLD = 3, 2
LASTS = timedelta(days=10 * 365)
_FIRST_UNTIL = datetime(2046, 1, 1, tzinfo=UTC)
_LOCK = 0x5A_52_45_4C  # advisory lock: who signs


class NotEnoughKeys(errors.Conflict):
    """Fewer keys than the threshold, or none that the root names."""

    code = "not_enough_keys"


class AlreadyBegun(errors.Conflict):
    code = "already_begun"


def alone() -> None:
    """Let one transaction at a time give numbers and sign; held until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def begin(keys: Sequence[Ed25519PrivateKey], threshold: int, *, now: datetime) -> Root:
    """Make the first root; `AlreadyBegun` when there is one: keys change by `rotate` then."""
    with transaction.atomic():
        alone()
        if Root.objects.exists():
            raise AlreadyBegun("There are keys already; `manage.py release_rotate` changes them.")
        return _make(1, keys, threshold, keyfiles.director(), keys, until=_FIRST_UNTIL, now=now)


def current(*, now: datetime) -> Metadata[RootDocument]:
    """Return the newest root; without any, development keys are taken or made for the first."""
    row = Root.objects.order_by("-version").first()
    if row is None:
        row = _for_development(now=now)
    return documents.read(row.document, RootDocument)


def _for_development(*, now: datetime) -> Root:
    with transaction.atomic():
        alone()
        row = Root.objects.order_by("-version").first()
        if row is not None:
            return row
        where = keyfiles.folder()
        keys = keyfiles.load([where]) or keyfiles.make(where, KEYS)
        return begin(keys, min(THRESHOLD, len(keys)), now=now)


def for_new_satellites(now: datetime) -> dict[str, Any]:
    """Return the root that a satellite is made with."""
    return current(now=now).to_dict()


def at_hand(*, now: datetime) -> list[Ed25519PrivateKey]:
    """Return the keys in the development folder if they are enough to sign, else none."""
    root = current(now=now).signed  # makes the keys when there are none at all
    found = trusted(keyfiles.load([keyfiles.folder()]), now=now)
    return found if len(found) >= root.roles["targets"].threshold else []


def trusted(keys: Iterable[Ed25519PrivateKey], *, now: datetime) -> list[Ed25519PrivateKey]:
    """Return those keys whose signatures on releases count."""
    names = set(current(now=now).signed.roles["targets"].keyids)
    return [key for key in keys if Public.of(key).keyid in names]


def enough(keys: Iterable[Ed25519PrivateKey], *, now: datetime) -> list[Ed25519PrivateKey]:
    """Return those keys that count; `NotEnoughKeys` when they are fewer than the threshold."""
    found = trusted(keys, now=now)
    threshold = current(now=now).signed.roles["targets"].threshold
    if len(found) < threshold:
        raise NotEnoughKeys(f"{len(found)} of these keys count, {threshold} have to sign.")
    return found


def rotate(
    folders: Sequence[Path],
    *,
    retire: Sequence[str] = (),
    add: int = 0,
    director: bool = False,
    threshold: int | None = None,
    now: datetime,
) -> Root:
    """Change keys: `retire` names them by the start of their id, `add` makes new ones in the first
    folder, `director` gives the director another one. Signed by enough old keys and enough new.

    What was signed before is signed again by `signing.renew`, which the caller does next.
    """
    with transaction.atomic():
        alone()
        before = current(now=now).signed
        old = enough(keyfiles.load(folders), now=now)
        gone = _named(retire, before.roles["targets"].keyids)
        leaving = [key for key in old if Public.of(key).keyid in gone]
        new = keyfiles.make(folders[0], add)
        staying = [
            Public(name, before.keys[name].keyval["public"])
            for name in before.roles["targets"].keyids
            if name not in gone
        ]
        directs = Ed25519PrivateKey.generate() if director else keyfiles.director()
        try:
            row = _make(
                before.version + 1,
                [*staying, *map(Public.of, new)],
                before.roles["targets"].threshold if threshold is None else threshold,
                directs,
                [*old, *new],
                until=now + LASTS,
                now=now,
            )
        except errors.Refusal:
            for key in new:
                keyfiles.forget(folders, key)
            raise
    if director:
        keyfiles.replace_director(directs)
    for key in leaving:
        keyfiles.forget(folders, key)
    return row


def _named(starts: Iterable[str], names: Sequence[str]) -> list[str]:
    """Return the ids that begin so; `Invalid` for a start that is not of just one."""
    found = []
    for start in dict.fromkeys(starts):
        of_it = [name for name in names if name.startswith(start)]
        if len(of_it) != 1:
            raise errors.Invalid(
                f"{start!r} is the start of {len(of_it)} of the keys' ids, not of one; they are "
                f"{', '.join(name[:16] for name in names)}."
            )
        found += of_it
    return list(dict.fromkeys(found))


def _make(
    version: int,
    offline: Iterable[Public | Ed25519PrivateKey],
    threshold: int,
    director: Ed25519PrivateKey,
    signers: Iterable[Ed25519PrivateKey],
    *,
    until: datetime,
    now: datetime,
) -> Root:
    public = [Public.of(one) if isinstance(one, Ed25519PrivateKey) else one for one in offline]
    try:
        document = documents.root(
            version=version,
            expires_at=until,
            offline=public,
            threshold=threshold,
            director=[Public.of(director)],
        )
    except ValueError as error:
        raise errors.Invalid(f"This cannot be a root: {error}.") from error
    documents.sign(document, signers)
    held = {key.keyid for key in public} & set(document.signatures)
    if len(held) < threshold:
        raise NotEnoughKeys(f"{len(held)} of the new keys are here, {threshold} have to sign.")
    return Root.objects.create(version=version, document=document.to_dict(), made_at=now)

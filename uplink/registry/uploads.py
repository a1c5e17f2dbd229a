"""Uploads that resume: a file comes in over many requests, and what came once is kept.

The first `offset_bytes` of the file under `incoming/` are on the disk before the row says so. One
writer writes at a time: a new one raises the row's fencing number, waits for the file's lock, and
the old one stops at its next look. A file that is complete is hashed, checked and kept, or
refused; what nobody goes on with expires.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F, Sum
from django.utils import timezone

from ops import errors
from ops.accounts.models import Organisation, User
from uplink.registry import registering, store, streaming, tasks, tus
from uplink.registry.formats import names
from uplink.registry.models import Format, Upload, UploadState, digest_rule

KEPT_FOR = timedelta(hours=24)
"""Wall time without a byte after which an upload is forgotten; a finished one is told as long."""
CHECKPOINT_BYTES = 32 * 1024 * 1024
CHECKPOINT_S = 2.0
LOCK_WAIT_S = 10.0
INLINE_BYTES = 512 * 1024 * 1024
"""Up to so many bytes are hashed again within the last request; more by a worker."""
_CREATING = 0x5A_55_50_4C  # advisory lock: what is promised of the disk
_RUNNING_MAX = 64
_running: OrderedDict[tuple[UUID, int], store.Digests] = OrderedDict()


class OffsetConflict(errors.Conflict):
    """The request begins elsewhere than where the file ends."""

    code = "offset_conflict"


class Locked(errors.Refusal):
    status = 423
    code = "locked"


class NotOpen(errors.Conflict):
    code = "upload_is_over"


class TooLong(errors.Invalid):
    status = 413
    code = "too_long"


class ChecksumMismatch(errors.Invalid):
    """The status is tus's own."""

    status = 460
    code = "checksum_mismatch"


def path_of(upload_id: UUID) -> Path:
    return store.incoming() / str(upload_id)


@transaction.atomic
def create(
    *,
    organisation: Organisation,
    user: User | None,
    length_bytes: int,
    metadata: str = "",
    now: datetime,
) -> Upload:
    """Promise room for a file of `length_bytes`; `now` is wall time.

    `metadata` is tus's: `filename`, `format` and `sha256` are read. Raises `Empty`, `TooBig`,
    `StoreFull`, and `Invalid` for files that are refused by name.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CREATING])
    said = tus.metadata(metadata)
    name, form = _named(said)
    if length_bytes == 0:
        raise store.Empty("A file has at least one byte.")
    promised = Upload.objects.filter(state=UploadState.RECEIVING).aggregate(
        left=Sum(F("length_bytes") - F("offset_bytes"), default=0)
    )["left"]
    store.check_room(length_bytes, promised_bytes=promised)
    return Upload.objects.create(
        id=uuid4(),
        organisation=organisation,
        user=user,
        length_bytes=length_bytes,
        metadata=metadata,
        name=name,
        format=form,
        sha256=_digest(said.get("sha256", "")),
        created_at=now,
        expires_at=now + KEPT_FOR,
    )


def _named(said: dict[str, str]) -> tuple[str, str]:
    """Return the file's name and its format, which its name tells unless it is given."""
    name = said.get("filename", "")
    if len(name) > 200 or not name.isprintable():
        raise errors.Invalid("The filename has more than 200 characters, or such as do not print.")
    if why := names.of_name(name):
        raise registering.MalformedArtefact(why)
    form = said.get("format", "")
    taken = set(Format.values) - {Format.BUNDLE}
    if form and form not in taken:
        raise errors.Invalid(f"The format {form!r} is not one of {', '.join(sorted(taken))}.")
    return name, form or registering.form_of_name(name)


def _digest(said: str) -> str:
    if said and not digest_rule.regex.fullmatch(said):
        raise errors.Invalid(f"sha256 must be 64 hexadecimal digits, not {said[:80]!r}.")
    return said


def write(
    upload: Upload,
    pieces: Iterable[bytes],
    *,
    offset_bytes: int,
    checksum: tus.Checksum | None = None,
) -> Upload:
    """Write what comes at `offset_bytes`; return the upload as it then stands.

    What came before the client left is kept, unless it came under a checksum. Raises
    `OffsetConflict`, `Locked`, `TooLong`, `ChecksumMismatch`, `StoreFull`, `ClientGone`; when the
    last byte is in, also what `store_artefact` raises, and the upload is refused for good.
    """
    fencing = _claim(upload.pk)
    with _locked(path_of(upload.pk)) as file:
        row = _mine(upload.pk, fencing)
        _check_place(row, file, offset_bytes)
        writer = _Writer(row, file, checksum)
        writer.take(pieces)
        if writer.row.offset_bytes == row.length_bytes:
            return _complete(writer.row, writer.digests)
        return writer.row


def _claim(upload_id: UUID) -> int:
    with transaction.atomic():
        row = Upload.objects.select_for_update().filter(pk=upload_id).first()
        if row is None:
            raise errors.NotFound(f"There is no upload {upload_id}.")
        if row.state != UploadState.RECEIVING:
            raise NotOpen(f"The upload is {row.state}{f': {row.reason}' if row.reason else ''}.")
        row.fencing += 1
        row.save(update_fields=["fencing"])
        return row.fencing


def _mine(upload_id: UUID, fencing: int) -> Upload:
    row = Upload.objects.filter(pk=upload_id, fencing=fencing).first()
    if row is None:
        raise Locked("Another request goes on with this upload.")
    if row.state != UploadState.RECEIVING:
        raise NotOpen(f"The upload is {row.state}.")
    return row


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open the file for one writer; `Locked` when the one before does not let go in time."""
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(number, "r+b", buffering=0) as file:
        until_s = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until_s:
                    raise Locked("Another request is writing this upload.") from None
                time.sleep(0.05)
        yield file


def _check_place(row: Upload, file: BinaryIO, offset_bytes: int) -> None:
    """See that the file ends where the row says and the request begins there."""
    size = os.fstat(file.fileno()).st_size
    if size < row.offset_bytes:  # somebody emptied the folder
        Upload.objects.filter(pk=row.pk).update(offset_bytes=0)
        row.offset_bytes = 0
    if offset_bytes != row.offset_bytes:
        raise OffsetConflict(
            f"The upload goes on at byte {row.offset_bytes}, not at {offset_bytes}.",
            offset_bytes=row.offset_bytes,
        )
    os.ftruncate(file.fileno(), row.offset_bytes)
    file.seek(row.offset_bytes)


class _Writer:
    """One request's bytes on their way to the disk."""

    def __init__(self, row: Upload, file: BinaryIO, checksum: tus.Checksum | None) -> None:
        self.row, self._file, self._checksum = row, file, checksum
        known = _running.pop((row.pk, row.offset_bytes), None)
        self.digests = known or (store.Digests() if row.offset_bytes == 0 else None)
        self._at, self._looked_s = row.offset_bytes, time.monotonic()
        self._sum = checksum.start() if checksum else None

    def take(self, pieces: Iterable[bytes]) -> None:
        before = self.digests and self.digests.copy()
        try:
            for piece in pieces:
                self._write(piece)
                self._look()
            if self._sum is not None and self._sum.digest() != self._checksum.digest:
                raise ChecksumMismatch(
                    f"The bytes do not have the {self._checksum.algorithm} of Upload-Checksum; "
                    f"send them from byte {self.row.offset_bytes} again."
                )
        except (ChecksumMismatch, TooLong):
            self._take_back(before)
            raise
        except streaming.ClientGone:
            if self._sum is not None:
                self._take_back(before)
            else:
                self._checkpoint()
            raise
        except OSError as error:
            if error.errno not in store.FULL:
                raise
            self._take_back(None)
            raise store.StoreFull(
                f"The disk is full: {error.strerror}. The first {self.row.offset_bytes} bytes are "
                "kept; go on when there is room."
            ) from error
        else:
            self._checkpoint()
        self._remember()

    def _write(self, piece: bytes) -> None:
        if self._at + len(piece) > self.row.length_bytes:
            raise TooLong(
                f"The upload has {self.row.length_bytes} bytes by its Upload-Length, and more came."
            )
        view = memoryview(piece)
        while view:
            view = view[self._file.write(view) :]
        if self.digests is not None:
            self.digests.update(piece)
        if self._sum is not None:
            self._sum.update(piece)
        self._at += len(piece)

    def _look(self) -> None:
        """Every so often, make what came last and see whether another writer took over."""
        late = time.monotonic() - self._looked_s >= CHECKPOINT_S
        if self._sum is not None:
            if late:
                _mine(self.row.pk, self.row.fencing)
                self._looked_s = time.monotonic()
        elif late or self._at - self.row.offset_bytes >= CHECKPOINT_BYTES:
            self._checkpoint()

    def _checkpoint(self) -> None:
        os.fdatasync(self._file.fileno())
        mine = Upload.objects.filter(
            pk=self.row.pk, fencing=self.row.fencing, state=UploadState.RECEIVING
        )
        expires_at = timezone.now() + KEPT_FOR
        if not mine.update(offset_bytes=self._at, expires_at=expires_at):
            raise Locked("Another request goes on with this upload, or it was taken back.")
        self.row.offset_bytes, self.row.expires_at = self._at, expires_at
        self._looked_s = time.monotonic()

    def _take_back(self, digests: store.Digests | None) -> None:
        os.ftruncate(self._file.fileno(), self.row.offset_bytes)
        self._at, self.digests = self.row.offset_bytes, digests
        if digests is not None and digests.size_bytes == self._at:
            self._remember()

    def _remember(self) -> None:
        """Keep the digests for the next request, should it come to this process."""
        if self.digests is not None and self.digests.size_bytes == self.row.offset_bytes:
            _running[self.row.pk, self.row.offset_bytes] = self.digests
            while len(_running) > _RUNNING_MAX:
                _running.popitem(last=False)


def _complete(row: Upload, digests: store.Digests | None) -> Upload:
    """See to a file whose last byte is in: at once, or by a worker when much must be hashed."""
    is_hashed = digests is not None and digests.size_bytes == row.length_bytes
    _running.pop((row.pk, row.length_bytes), None)
    with transaction.atomic():
        Upload.objects.filter(pk=row.pk).update(state=UploadState.VERIFYING)
        if not is_hashed and row.length_bytes > INLINE_BYTES:
            tasks.verify_upload.delay_on_commit(upload_id=str(row.pk))
    row.state = UploadState.VERIFYING
    if not is_hashed and row.length_bytes > INLINE_BYTES:
        return row
    return _settle(row, digests if is_hashed else _hashed(path_of(row.pk)))


def verify(upload_id: UUID) -> None:
    """Hash and check a complete upload, unless it is being done; refusals are in the row."""
    row = Upload.objects.filter(pk=upload_id, state=UploadState.VERIFYING).first()
    if row is None:
        return
    try:
        with _locked(path_of(row.pk)):
            row.refresh_from_db()
            if row.state == UploadState.VERIFYING:
                _settle(row, _hashed(path_of(row.pk)))  # of lost bytes: `Empty`
    except errors.Refusal:
        return


def _hashed(path: Path) -> store.Digests:
    digests = store.Digests()
    with path.open("rb") as file:
        while piece := file.read(store.PIECE_BYTES):
            digests.update(piece)
    return digests


def _settle(row: Upload, digests: store.Digests) -> Upload:
    """Keep the file or refuse it; either way nothing of it stays in `incoming/`."""
    path = path_of(row.pk)
    expires_at = timezone.now() + KEPT_FOR
    try:
        received = store.received(path, digests, sha256=row.sha256)
        artefact, _ = registering.keep(
            received, form=row.format, organisation=row.organisation, name=row.name
        )
    except errors.Refusal as refusal:
        Upload.objects.filter(pk=row.pk).update(
            state=UploadState.REFUSED, reason=str(refusal)[:500], expires_at=expires_at
        )
        path.unlink(missing_ok=True)
        raise
    Upload.objects.filter(pk=row.pk).update(
        state=UploadState.STORED, artefact=artefact, expires_at=expires_at
    )
    row.refresh_from_db()
    return row


def terminate(upload: Upload) -> None:
    """Forget an upload and its bytes; an artefact that came of it stays."""
    Upload.objects.filter(pk=upload.pk).delete()
    path_of(upload.pk).unlink(missing_ok=True)


def look_after(now: datetime) -> dict[str, Any]:
    """Forget what nobody goes on with, and verify what a worker that died left; wall time."""
    forgotten = 0
    for row in Upload.objects.filter(expires_at__lt=now).exclude(state=UploadState.VERIFYING):
        terminate(row)
        forgotten += 1
    for upload_id in Upload.objects.filter(state=UploadState.VERIFYING).values_list(
        "pk", flat=True
    ):
        verify(upload_id)
    known = {str(pk) for pk in Upload.objects.values_list("pk", flat=True)}
    for path in store.incoming().iterdir():
        try:
            is_old = path.stat().st_mtime < (now - KEPT_FOR).timestamp()
        except FileNotFoundError:
            continue
        if path.name not in known and is_old:
            path.unlink(missing_ok=True)
            forgotten += 1
    return {"forgotten": forgotten}

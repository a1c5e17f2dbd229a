"""Fetching element sets from where they are published, rarely enough to stay welcome.

A source is claimed before it is asked: the claim, committed, keeps everybody else from it for two
hours, whatever becomes of us. Instants here are wall time, but for what is loaded.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q

from constellation import fetching, intake
from constellation.models import ElementSource
from constellation.models_elements import LEAST_INTERVAL_S
from constellation.orbits import elements
from ops import errors
from ops.db import broken_rule
from ops.live import events

LEAST_INTERVAL = timedelta(seconds=LEAST_INTERVAL_S)
BACK_OFF_MOST = timedelta(days=2)
log = logging.getLogger(__name__)


class TooOften(errors.TooMuch):
    code = "too_often"


class NameTaken(errors.Conflict):
    code = "source_taken"


class IsDisabled(errors.Conflict):
    code = "source_disabled"


def put_source(source_id: UUID, *, wall: datetime, **wanted: object) -> tuple[ElementSource, bool]:
    """Add a source or change it; return it and whether it is new. Safe to repeat.

    When it was last asked stays, so that no change makes us ask too often.
    """
    try:
        fetching.check_url(str(wanted["url"]))
    except fetching.Failed as failed:
        raise errors.Invalid(f"url: {failed}.") from failed
    try:
        with transaction.atomic():
            row = ElementSource.objects.select_for_update().filter(pk=source_id).first()
            if row is None:
                return ElementSource.objects.create(id=source_id, due_at=wall, **wanted), True
            if row.url != wanted["url"]:
                row.etag = row.last_modified = ""
            for name, value in wanted.items():
                setattr(row, name, value)
            if row.asked_at is not None:
                row.due_at = max(row.due_at, row.asked_at + LEAST_INTERVAL)
            row.save()
            return row, False
    except IntegrityError as error:
        if broken_rule(error) is None:
            raise
        raise NameTaken("Another source has this name or this address.") from error


def ask_soon(source_id: UUID, wall: datetime) -> ElementSource:
    """Let a source be asked at the next tick; never before two hours have passed."""
    with transaction.atomic():
        row = ElementSource.objects.select_for_update().filter(pk=source_id).first()
        if row is None:
            raise errors.NotFound(f"There is no source {source_id}.")
        if not row.is_enabled:
            raise IsDisabled(f"{row} is disabled; enable it first.")
        may_at = wall if row.asked_at is None else row.asked_at + LEAST_INTERVAL
        if may_at > wall:
            wait_s = round((may_at - wall).total_seconds())
            raise TooOften(
                f"{row} was asked at {row.asked_at:%Y-%m-%dT%H:%M:%SZ}; it is asked at most every "
                f"two hours, so again in {wait_s} s.",
                retry_after_s=wait_s,
            )
        row.due_at = wall
        row.save(update_fields=["due_at"])
        return row


def fetch_due(wall: datetime, now: datetime) -> list[str]:
    """Ask every source of which the time has come; return what came of each."""
    return [_fetch(source, wall, now) for source in iter(lambda: _claim(wall), None)]


def _claim(wall: datetime) -> ElementSource | None:
    """Take a source that is due, and commit that it was asked."""
    with transaction.atomic():
        due = ElementSource.objects.select_for_update(skip_locked=True).filter(
            Q(asked_at=None) | Q(asked_at__lte=wall - LEAST_INTERVAL),
            is_enabled=True,
            due_at__lte=wall,
        )
        row = due.order_by("due_at", "pk").first()
        if row is not None:
            row.asked_at = wall
            row.due_at = wall + timedelta(seconds=row.interval_s)
            row.outcome = "being asked"
            row.save(update_fields=["asked_at", "due_at", "outcome"])
        return row


def _fetch(source: ElementSource, wall: datetime, now: datetime) -> str:
    try:
        answer = fetching.fetch(source.url, etag=source.etag, last_modified=source.last_modified)
        outcome = "nothing new" if answer.data is None else _take(source, answer, now)
    except fetching.Failed as failed:
        return _note_failure(source, str(failed), failed.retry_after_s, wall)
    except Exception as error:
        log.exception("element sets of %s could not be taken", source)
        return _note_failure(source, f"we failed: {type(error).__name__}: {error}", 0.0, wall)
    kept = {} if answer.data is None else {
        "etag": answer.etag,
        "last_modified": answer.last_modified,
    }  # fmt: skip
    ElementSource.objects.filter(pk=source.pk).update(
        failures=0, outcome=outcome[:300], answered_at=wall, **kept
    )
    return outcome


def _take(source: ElementSource, answer: fetching.Answer, now: datetime) -> str:
    """Load what came; a file in which nothing is an element set is a failure."""
    parsed = elements.parse(answer.data)
    wanted = source.form
    if not parsed.taken and not parsed.ephemerides:
        first = f": {parsed.refused[0]}" if parsed.refused else ""
        raise fetching.Failed(f"no entry of the answer is an element set{first}"[:290])
    if wanted not in (ElementSource.Form.ANY, parsed.form):
        raise fetching.Failed(f"the answer is {parsed.form}; what was agreed is {wanted}")
    file, _ = intake.take_file(
        file_id=uuid4(),
        data=answer.data,
        source=source.name,
        priority=source.priority,
        origin=source,
        now=now,
    )
    told = [f"{len(file.taken)} taken"]
    told += [f"{len(lines)} {word}" for word, lines in _rest(file) if lines]
    return ", ".join(told)


def _rest(file: object) -> list[tuple[str, list[str]]]:
    return [("kept as history", file.kept), ("refused", file.refused)]


def _note_failure(source: ElementSource, problem: str, retry_after_s: float, wall: datetime) -> str:
    """Wait twice as long after each failure in a row, and as long as the server asks."""
    failures = source.failures + 1
    wait = min(timedelta(seconds=source.interval_s) * 2 ** min(failures - 1, 10), BACK_OFF_MOST)
    wait = max(wait, LEAST_INTERVAL, timedelta(seconds=retry_after_s))
    with transaction.atomic():
        ElementSource.objects.filter(pk=source.pk).update(
            failures=failures, outcome=problem[:300], due_at=wall + wait
        )
        events.publish("fleet", "source_failed", {"source": source.name, "problem": problem[:300]})
    log.warning("element sets of %s: %s; asked again in %s", source, problem, wait)
    return problem

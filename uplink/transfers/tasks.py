"""Packing in the background: slow work, one at a time, that goes on after a kill."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import shared_task, signals
from django.db import OperationalError, connection

from ops import clock, errors
from uplink.registry.models import Artefact
from uplink.transfers import forecasts, packages, repairs, spreads
from uplink.transfers.models import Package, PackageState, Repair

log = logging.getLogger(__name__)
_LOCK = 0x5A_50_41_43  # advisory lock: who packs
_ENDING = threading.Event()


class Ended(Exception):
    """The worker was told to end; what was being packed is taken up by the next one."""


@signals.worker_shutting_down.connect
def stop_packing(**_: object) -> None:
    _ENDING.set()


def watch() -> None:
    """Raise `Ended` when the worker should end."""
    if _ENDING.is_set():
        raise Ended


@shared_task(ignore_result=True)
def prepare_package(*, package_id: int) -> None:
    with _alone() as may:
        if not may:
            return
        try:
            packages.prepare(package_id, now=clock.now(), watch=watch)
        except (errors.Refusal, OSError) as error:
            log.exception("package %d cannot be made", package_id)
            packages.give_up(package_id, str(error), now=clock.now())
        except Ended:
            return
    look_after_packages()  # who asked while this was packed was sent away


@shared_task(ignore_result=True)
def repair_transfer(*, transfer_id: str) -> None:
    with _alone() as may:
        if not may:
            return
        try:
            repairs.repair(transfer_id, now=clock.now(), watch=watch)
        except (errors.Refusal, OSError):
            log.exception("a repair of transfer %s cannot be packed", transfer_id)
            repairs.fall_back(transfer_id, now=clock.now())
        except Ended:
            return
    look_after_packages()


@shared_task(ignore_result=True)
def look_after_packages() -> None:
    """Take up what waits: sent away, or left undone by a lost message or a kill."""
    for pk in Repair.objects.order_by("asked_at").values_list("transfer", flat=True)[:4]:
        repair_transfer.delay(transfer_id=str(pk))
    left = Package.objects.filter(state=PackageState.PREPARING).order_by("pk")
    for pk in left.values_list("pk", flat=True)[:4]:
        prepare_package.delay(package_id=pk)


_rest = {"until_s": 0.0}
RESTS = 9.0
"""A forecast of a large fleet takes a while; so many times as long this worker does without."""


@shared_task(ignore_result=True, time_limit=300)
def look_after_forecasts() -> None:
    """Make forecasts anew when something changed, for at most a tenth of this worker's time."""
    begun_s = time.monotonic()
    if begun_s < _rest["until_s"]:
        return
    forecasts.look_after(now=clock.now())
    ended_s = time.monotonic()
    _rest["until_s"] = ended_s + RESTS * (ended_s - begun_s)


@shared_task(ignore_result=True, time_limit=300)
def plan_spread(*, artefact_id: str) -> None:
    """Plan how an artefact is spread; who meets somebody's locks comes again with the tick."""
    artefact = Artefact.objects.filter(pk=artefact_id).first()
    if artefact is None:
        return
    reading = clock.reading()
    try:
        spreads.plan(artefact, now=clock.now(), rate=reading.rate)
    except OperationalError as error:
        log.info("the spread of %s is planned later: %s", artefact_id[:12], error)


_spread_rest = {"until_s": 0.0}
SPREAD_RESTS = 2.0


@shared_task(ignore_result=True, time_limit=300)
def look_after_spreads() -> None:
    """Plan all that is spread anew, for at most a third of this worker's time."""
    begun_s = time.monotonic()
    if begun_s < _spread_rest["until_s"]:
        return
    for artefact in spreads.open_artefacts():
        plan_spread(artefact_id=artefact.pk)
    ended_s = time.monotonic()
    _spread_rest["until_s"] = ended_s + SPREAD_RESTS * (ended_s - begun_s)


@contextmanager
def _alone() -> Iterator[bool]:
    """Say whether nobody else packs; the lock goes with this process's connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        got = cursor.fetchone()[0]
    try:
        yield got
    finally:
        if got:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])

"""The one that makes the ticks: Celery beat, in memory, in UTC, never two at once."""

import os
import sys
import threading
import time
from typing import Any

import psycopg
from django.core.management import BaseCommand
from django.db import connection

from ops.celery import app

# Any number will do that nothing else in this database locks; this one spells "beat".
LOCK = 0x62656174
WAIT_S = 2.0
CHECK_S = 2.0
AWAY_S = 0.5


class Command(BaseCommand):
    help = "Make the ticks; a second one waits until the first is gone."

    def handle(self, *args: Any, **options: Any) -> None:
        held = take_lock()
        threading.Thread(target=watch_lock, args=(held,), daemon=True).start()
        # The schedule is in the program and ticks carry an expiry: there is nothing to
        # remember on disk, and a tick made twice around a restart does no harm.
        app.Beat(
            scheduler_cls="celery.beat:Scheduler", loglevel="WARNING", quiet=True, max_interval=1
        ).run()


def take_lock() -> psycopg.Connection:
    """Wait for the lock, and return the connection that holds it."""
    parameters = connection.get_connection_params()
    wanted = {"host", "port", "user", "password", "dbname", "sslmode", "connect_timeout"}
    parameters = {name: value for name, value in parameters.items() if name in wanted}
    # The server frees the lock of a machine that vanished after these 30 s.
    parameters |= {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
    held = connect(parameters)
    while not held.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone()[0]:
        time.sleep(WAIT_S)
    return held


def connect(parameters: dict[str, Any]) -> psycopg.Connection:
    """Connect to the database; one that is just starting again is waited for."""
    while True:
        try:
            return psycopg.connect(**parameters, autocommit=True)
        except psycopg.OperationalError as error:
            print(f"beat waits for the database: {error}", file=sys.stderr, flush=True)
            time.sleep(AWAY_S)


def watch_lock(held: psycopg.Connection) -> None:
    """End this process as soon as the lock's connection is lost: another may hold it now."""
    while True:
        time.sleep(CHECK_S)
        try:
            held.execute("SELECT 1")
        except psycopg.Error:
            print("beat lost its lock and ends", file=sys.stderr, flush=True)
            os._exit(1)

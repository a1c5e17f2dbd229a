"""The part of `manage.py up` that needs the database: migrations, clock, people, fleet.

It is told what is wished as JSON on standard input, says what it does line by line, and
ends with one line of JSON. `--alone` (in a container) takes the defaults instead, and
prints the first login in words.
"""

import io
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandParser, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ops import clock
from ops.accounts import first
from ops.up import home
from ops.up import options as up_options


class Command(BaseCommand):
    help = "Bring the database up to date for `manage.py up`."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--alone", action="store_true", help="without `manage.py up`")

    def handle(self, *args: Any, alone: bool, **options: Any) -> None:
        wishes = default_wishes() if alone else json.load(sys.stdin)
        self.migrate()
        note = self.set_clock(wishes)
        login = first.make_first_login(
            operator_password=wishes["operator_password"], customer_key=wishes["customer_key"]
        )
        call_command("load_reference", stdout=self.stdout)
        call_command("load_limits", stdout=self.stdout)
        if wishes["fleet"] == "planned":
            call_command("plan_fleet", stdout=self.stdout)
        if wishes["simulator"]:
            fleet = settings.ZENITH_HOME / "simulator" / "fleet.json"
            call_command("write_fleet", str(fleet), stdout=io.StringIO())
            call_command("bootstrap", stdout=self.stdout)
        # The planner's first tick is a minute away, and passes under way would be over by then.
        # It comes behind the first transfers, so that it knows what contacts are for.
        call_command("plan_contacts", soon=True, stdout=self.stdout)
        if alone:
            self.stdout.write(f"Operator       {login.operator}   {login.operator_password}")
            self.stdout.write(f"Customer key   {login.customer_key}")
        else:
            self.stdout.write(json.dumps({**asdict(login), "clock": clock_line(), "note": note}))

    def migrate(self) -> None:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            self.stdout.write(f"Bringing the database up to date ({len(missing)} migrations)")
            self.stdout.flush()
            call_command("migrate", verbosity=0, interactive=False)

    def set_clock(self, wishes: dict[str, Any]) -> str | None:
        """Start the clock, or take it up where it stood; return what the operator should know."""
        epoch = datetime.fromisoformat(wishes["epoch"]) if wishes["epoch"] else None
        if wishes["seen_at"] is not None and clock.reading().simulated:
            clock.take_up(seen_at=datetime.fromtimestamp(wishes["seen_at"], UTC))
        reading = clock.start(epoch=epoch, rate=wishes["rate"])
        if reading.simulated != (epoch is not None):
            kept = "a simulated clock" if reading.simulated else "real time"
            return f"Note: this Zenith was first started with {kept}, and keeps it."
        return None


def default_wishes() -> dict[str, Any]:
    """Return what `manage.py up` wishes when nobody tells it anything."""
    home.make(settings.ZENITH_HOME)
    secrets = home.load_secrets(settings.ZENITH_HOME)
    return {
        "epoch": up_options.DEFAULT_EPOCH,
        "rate": 1.0,
        "fleet": "scs-01",
        "simulator": True,
        "operator_password": secrets.operator_password,
        "customer_key": secrets.customer_key,
        "seen_at": None,
    }


def clock_line() -> str:
    """Return the clock in words."""
    reading = clock.reading()
    if not reading.simulated:
        return "real time"
    at = f"{clock.now():%Y-%m-%dT%H:%M:%SZ}"
    return f"simulated: {at}, " + (f"rate {reading.rate:g}" if reading.rate else "paused")

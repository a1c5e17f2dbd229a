"""`manage.py plan_fleet`: the announced 2,800 satellites, in the database or as a file."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from constellation import fleet_plan
from constellation.orbits.elements import FIRST_EPOCH, LAST_EPOCH
from ops import clock


class Command(BaseCommand):
    help = (
        "Plan 2,400 inference and 400 training satellites in sun-synchronous, dawn-dusk and "
        "low-inclination planes at 500 to 1,000 km. Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--epoch", help="Of the element sets (UTC); by default mission time.")
        parser.add_argument("--to", help="Write a JSON OMM file instead of the database.")

    def handle(self, *, epoch: str | None, to: str | None, **options: Any) -> None:
        epoch_at = _instant(epoch) if epoch else clock.now().replace(microsecond=0)
        if to is None:
            added = fleet_plan.plan_fleet(epoch_at)
            self.stdout.write(f"{added} planned satellites added.")
            return
        try:
            Path(to).write_bytes(fleet_plan.export(epoch_at))
        except OSError as error:
            raise CommandError(f"{to} cannot be written: {error.strerror}") from error
        self.stdout.write(f"Planned element sets written to {to}.")


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is not an instant such as 2026-08-22T12:00:00Z.") from error
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    if not FIRST_EPOCH <= instant < LAST_EPOCH:
        raise CommandError(
            f"{text} is no epoch of an element set; right is {FIRST_EPOCH:%Y-%m-%d} to before "
            f"{LAST_EPOCH:%Y-%m-%d}."
        )
    return instant.astimezone(UTC)
